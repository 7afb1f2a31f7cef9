// Time stamps of a benchmark's loops: the CPU's counter, in order with what it times.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/clock.hpp"

namespace ringmain::tools {

// Not before earlier loads have their value, not after later instructions begin. A plain rdtsc
// may run ahead of the load that it is meant to time; rdtscp would cost 30 ns here.
inline uint64_t ordered_cycles() noexcept {
#if defined(__x86_64__)
  _mm_lfence();
  const uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return cycles();
#endif
}

// Cycles to nanoseconds, with one multiplication.
class CycleScale {
 public:
  CycleScale() noexcept : ns_per_cycle_(ns_per_cycle()) {}

  // A negative difference, of counters that disagree a little, counts as 0.
  uint64_t ns(uint64_t from, uint64_t to) const noexcept {
    const auto difference = static_cast<int64_t>(to - from);
    return difference <= 0 ? 0
                           : static_cast<uint64_t>(
                                 std::lround(static_cast<double>(difference) * ns_per_cycle_));
  }
  uint64_t half_ns(uint64_t from, uint64_t to) const noexcept {
    return static_cast<uint64_t>(std::lround(static_cast<double>(to - from) * ns_per_cycle_ / 2));
  }
  double cycles_in_ns(double duration_ns) const noexcept { return duration_ns / ns_per_cycle_; }

 private:
  double ns_per_cycle_;
};

}  // namespace ringmain::tools
