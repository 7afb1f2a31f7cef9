// Futexes that work across processes (shared, by file and offset; std::atomic::wait is not).
// The word may lie in a read-only mapping. Spurious wake-ups happen: callers check again.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace ringmain::os {

enum class FutexWait {
  woken,    // by futex_wake, or for no reason
  changed,  // the word was not `expected` any more
  timed_out,
  interrupted,  // by a signal
};

FutexWait futex_wait(const std::atomic<uint32_t>& word, uint32_t expected,
                     std::optional<int64_t> timeout_ns = std::nullopt) noexcept;

// How many were woken, at most `count`.
int futex_wake(const std::atomic<uint32_t>& word, int count) noexcept;

inline constexpr int wake_all = 0x7fffffff;

}  // namespace ringmain::os
