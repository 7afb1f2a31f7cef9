// When each record of an open-loop measurement is due, whatever became of the ones before.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstdint>

#include "perf/stopwatch.hpp"

namespace ringmain::tools {

// Begins a moment after it is made. Times in cycles.
class Schedule {
 public:
  explicit Schedule(double interval_ns)
      : turns_per_check_(static_cast<uint64_t>(std::max(check_every_ns / interval_ns, 1.0))) {
    const CycleScale scale;
    begin_ = static_cast<double>(cycles()) + scale.cycles_in_ns(head_start_ns);
    interval_ = scale.cycles_in_ns(interval_ns);
  }

  uint64_t due_cycles(uint64_t turn) const noexcept {
    return static_cast<uint64_t>(begin_ + interval_ * static_cast<double>(turn));
  }

  void wait_until(uint64_t due, bool yield) const noexcept {
    while (cycles() < due) {  // ends with its time
      if (yield) ::sched_yield();
    }
  }

  // After so many turns it is time to see whether the other side is still there.
  uint64_t turns_per_check() const noexcept { return turns_per_check_; }

 private:
  static constexpr double head_start_ns = 1e6, check_every_ns = 5e7;

  uint64_t turns_per_check_;
  double begin_ = 0, interval_ = 0;
};

}  // namespace ringmain::tools
