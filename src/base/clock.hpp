// The clocks: the system's, and a cheaper one for a timestamp per record.
//
// Times are signed nanoseconds, so that a difference of two is never a huge number.
// State machines take the time as a parameter; only code at the edge reads a clock.
#pragma once

#include <cstdint>

#include "base/tsc_extrapolation.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ringmain {

int64_t now_steady_ns() noexcept;  // CLOCK_MONOTONIC: for deadlines and durations
int64_t now_real_ns() noexcept;    // CLOCK_REALTIME: since 1970, for timestamps
int64_t now_real_ms() noexcept;

// The CPU's time stamp counter; nanoseconds where there is none. For benchmarks.
inline uint64_t cycles() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<uint64_t>(now_steady_ns());
#endif
}

// How long a cycle is. The first call in a process measures for about 1 ms (an error of up
// to 100 ppm); later calls measure since that first call, so they grow more exact.
double ns_per_cycle() noexcept;
double cycles_to_ns(uint64_t cycle_count) noexcept;

// Real time from the time stamp counter, a fraction of clock_gettime's price.
//
// Owned by one thread; make one a thread. Not strictly monotonic: a re-anchor may step back
// by the error, and a step of the system clock shows as a step here.
// Accuracy: it re-reads clock_gettime after 1 ms, 2 ms, 4 ms, ... up to every second, and
// never extrapolates further than twice the span its rate was measured on. That keeps it
// within about 1 us of CLOCK_REALTIME; a change of the system clock shows within a second.
// Without an invariant counter that the kernel trusts, each call is a clock_gettime.
class TscClock {
 public:
  TscClock() noexcept;

  int64_t now_real_ns() noexcept {
    if (!uses_tsc_) [[unlikely]]
      return ringmain::now_real_ns();
    const uint64_t ticks = cycles();
    if (extrapolation_.needs_anchor(ticks)) [[unlikely]]
      return re_anchor();
    return extrapolation_.real_ns(ticks);
  }

  bool uses_tsc() const noexcept { return uses_tsc_; }

 private:
  [[gnu::noinline]] int64_t re_anchor() noexcept;

  bool uses_tsc_;
  TscExtrapolation extrapolation_;
};

}  // namespace ringmain
