// Waiting for a record, as the user of a Reader would.
#pragma once

#include <chrono>

#include "perf/placement.hpp"
#include "ringmain/reader.hpp"

namespace ringmain::tools {

inline ReaderOptions reader_options(Waiting waiting) {
  ReaderOptions options;
  options.start = StartAt::earliest;
  options.wait = waiting == Waiting::spin    ? WaitStrategy::spin
                 : waiting == Waiting::yield ? WaitStrategy::yield
                                             : WaitStrategy::sleep;
  return options;
}

// `check` is called now and then while nothing comes, and may throw.
template <class Check>
Bytes await(Reader& reader, Waiting waiting, const Check& check) {
  constexpr uint32_t misses_per_check = 1u << 22;
  constexpr auto longest_wait = std::chrono::milliseconds(100);
  for (uint32_t misses = 0;;) {  // until a record comes, or `check` throws
    if (waiting == Waiting::spin) {
      const Bytes value = reader.try_next();
      if (value.data() != nullptr) [[likely]]
        return value;
      if (++misses < misses_per_check) continue;
      misses = 0;
    } else {
      const Bytes value = reader.next(longest_wait);
      if (value.data() != nullptr) return value;
    }
    check();
  }
}

}  // namespace ringmain::tools
