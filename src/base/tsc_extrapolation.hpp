// The arithmetic of TscClock: real time from a tick count and the last anchor. Pure: no
// clock is read here.
#pragma once

#include <cstdint>

namespace ringmain {

// Counter and clocks, read as close together as possible.
struct ClockReading {
  uint64_t ticks = 0;
  int64_t steady_ns = 0;
  int64_t real_ns = 0;
};

class TscExtrapolation {
 public:
  static constexpr int64_t shortest_span_ns = 1'000'000;
  static constexpr int64_t longest_span_ns = 1'000'000'000;

  // Begins at `reading` with a rough rate, which the anchors to come refine.
  void start(const ClockReading& reading, double ns_per_tick) noexcept;

  // True when `ticks` is too far from the anchor, or before it, to be extrapolated.
  bool needs_anchor(uint64_t ticks) const noexcept {
    return ticks - anchor_.ticks > span_ticks_;  // a count before the anchor wraps to huge
  }

  // Requires !needs_anchor(ticks).
  int64_t real_ns(uint64_t ticks) const noexcept {
    return anchor_.real_ns +
           static_cast<int64_t>(((ticks - anchor_.ticks) * scaled_ns_per_tick_) >> scale_bits);
  }

  // Takes a new anchor, and the rate measured since the last one. A rate that disagrees
  // with the starting rate (a suspended or migrated machine) is dropped, and the spans
  // start short again.
  void anchor(const ClockReading& reading) noexcept;

  int64_t span_ns() const noexcept { return span_ns_; }

 private:
  // ns << 32 stays below 2^64 up to 4 s; a span is at most 1 s.
  static constexpr int scale_bits = 32;
  static_assert(longest_span_ns < (int64_t{1} << (63 - scale_bits)));

  void set_rate(double ns_per_tick, int64_t span_ns) noexcept;

  ClockReading anchor_;
  double starting_ns_per_tick_ = 1;
  uint64_t scaled_ns_per_tick_ = uint64_t{1} << scale_bits;
  int64_t span_ns_ = 0;
  uint64_t span_ticks_ = 0;
};

}  // namespace ringmain
