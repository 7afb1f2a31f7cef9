// Anchors and rates of the extrapolation: see the header.
#include "base/tsc_extrapolation.hpp"

#include <algorithm>
#include <cmath>

namespace ringmain {
namespace {

// The starting rate is good to 100 ppm and NTP slews by at most 500 ppm: a rate further
// off than this was not measured on a running machine.
constexpr double rate_tolerance = 0.001;

}  // namespace

void TscExtrapolation::start(const ClockReading& reading, double ns_per_tick) noexcept {
  anchor_ = reading;
  starting_ns_per_tick_ = ns_per_tick;
  set_rate(ns_per_tick, shortest_span_ns);
}

void TscExtrapolation::anchor(const ClockReading& reading) noexcept {
  const ClockReading last = anchor_;
  anchor_ = reading;

  const auto ticks = static_cast<double>(static_cast<int64_t>(reading.ticks - last.ticks));
  const int64_t measured_ns = reading.steady_ns - last.steady_ns;
  const double ns_per_tick = static_cast<double>(measured_ns) / ticks;
  const double deviation = std::abs(ns_per_tick / starting_ns_per_tick_ - 1);
  if (!(deviation <= rate_tolerance)) {  // also when it is not a number
    set_rate(starting_ns_per_tick_, shortest_span_ns);
    return;
  }
  set_rate(ns_per_tick, std::clamp(2 * span_ns_, shortest_span_ns, longest_span_ns));
}

void TscExtrapolation::set_rate(double ns_per_tick, int64_t span_ns) noexcept {
  scaled_ns_per_tick_ =
      static_cast<uint64_t>(ns_per_tick * static_cast<double>(uint64_t{1} << scale_bits));
  span_ns_ = span_ns;
  span_ticks_ = static_cast<uint64_t>(static_cast<double>(span_ns) / ns_per_tick);
}

}  // namespace ringmain
