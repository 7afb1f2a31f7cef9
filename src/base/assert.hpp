// RINGMAIN_ASSERT: a broken invariant of our own ends the process, in release builds too.
//
// Never for what the environment or foreign bytes may bring about: that is an Error.
#pragma once

namespace ringmain {

// Prints "file:line: assertion failed: expression" to stderr and aborts.
[[noreturn, gnu::cold, gnu::noinline]] void assertion_failed(const char* expression,
                                                             const char* file, int line) noexcept;

}  // namespace ringmain

#define RINGMAIN_ASSERT(...)                                          \
  do {                                                                \
    if (!(__VA_ARGS__)) [[unlikely]]                                  \
      ::ringmain::assertion_failed(#__VA_ARGS__, __FILE__, __LINE__); \
  } while (0)
