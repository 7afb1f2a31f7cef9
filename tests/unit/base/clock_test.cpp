// The clocks of this machine agree with each other.
#include "base/clock.hpp"

#include <gtest/gtest.h>

namespace ringmain {
namespace {

TEST(ClockTest, the_steady_clock_never_steps_back) {
  int64_t last_ns = now_steady_ns();
  for (int i = 0; i < 1000; ++i) {
    const int64_t now_ns = now_steady_ns();
    ASSERT_GE(now_ns, last_ns);
    last_ns = now_ns;
  }
}

TEST(ClockTest, milliseconds_are_nanoseconds_divided) {
  const int64_t before_ms = now_real_ns() / 1'000'000;
  const int64_t between_ms = now_real_ms();
  const int64_t after_ms = now_real_ns() / 1'000'000;
  EXPECT_LE(before_ms, between_ms);
  EXPECT_LE(between_ms, after_ms);
}

// Across several anchors. A millisecond of tolerance: the test must not fail on a machine
// that suspends it; the error on a quiet one is below a microsecond.
TEST(ClockTest, the_tsc_clock_follows_the_real_clock) {
  constexpr int64_t tolerance_ns = 1'000'000;
  TscClock clock;
  const int64_t end_ns = now_steady_ns() + 20'000'000;
  while (now_steady_ns() < end_ns) {
    const int64_t before_ns = now_real_ns();
    const int64_t between_ns = clock.now_real_ns();
    const int64_t after_ns = now_real_ns();
    ASSERT_GE(between_ns, before_ns - tolerance_ns);
    ASSERT_LE(between_ns, after_ns + tolerance_ns);
  }
}

TEST(ClockTest, cycles_convert_to_the_time_the_steady_clock_shows) {
  static_cast<void>(ns_per_cycle());
  const int64_t outer_begin_ns = now_steady_ns();
  const uint64_t begin = cycles();
  const int64_t inner_begin_ns = now_steady_ns();
  while (now_steady_ns() - inner_begin_ns < 5'000'000) {
  }
  const int64_t inner_end_ns = now_steady_ns();
  const uint64_t end = cycles();
  const int64_t outer_end_ns = now_steady_ns();

  const double measured_ns = cycles_to_ns(end - begin);
  EXPECT_GE(measured_ns, static_cast<double>(inner_end_ns - inner_begin_ns) * 0.99);
  EXPECT_LE(measured_ns, static_cast<double>(outer_end_ns - outer_begin_ns) * 1.01);
}

}  // namespace
}  // namespace ringmain
