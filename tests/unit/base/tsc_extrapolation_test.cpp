// The arithmetic of the cheap clock, on made-up counters.
#include "base/tsc_extrapolation.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace ringmain {
namespace {

constexpr int64_t ms = 1'000'000;

// A machine whose counter runs at `ghz`, and whose real clock is an hour ahead of the steady one.
struct Machine {
  double ghz;
  int64_t real_offset_ns = 3600 * 1000 * ms;

  uint64_t ticks_at(int64_t steady_ns) const {
    return 1000 + static_cast<uint64_t>(std::llround(static_cast<double>(steady_ns) * ghz));
  }
  ClockReading reading_at(int64_t steady_ns) const {
    return {ticks_at(steady_ns), steady_ns, steady_ns + real_offset_ns};
  }
};

TEST(TscExtrapolationTest, gives_the_real_time_of_a_tick_count) {
  const Machine machine{3.0};
  TscExtrapolation clock;
  clock.start(machine.reading_at(0), 1 / 3.0);
  const uint64_t ticks = machine.ticks_at(ms / 2);
  ASSERT_FALSE(clock.needs_anchor(ticks));
  EXPECT_NEAR(static_cast<double>(clock.real_ns(ticks) - machine.real_offset_ns), ms / 2, 1);
}

TEST(TscExtrapolationTest, asks_for_an_anchor_past_its_span_and_before_its_anchor) {
  const Machine machine{3.0};
  TscExtrapolation clock;
  clock.start(machine.reading_at(ms), 1 / 3.0);
  EXPECT_FALSE(clock.needs_anchor(machine.ticks_at(ms)));
  EXPECT_TRUE(clock.needs_anchor(machine.ticks_at(2 * ms + 1000)));
  EXPECT_TRUE(clock.needs_anchor(machine.ticks_at(ms) - 1));
}

TEST(TscExtrapolationTest, refines_a_rough_rate_and_doubles_its_span_up_to_a_second) {
  const Machine machine{2.5};
  TscExtrapolation clock;
  clock.start(machine.reading_at(0), 1 / 2.5 * 1.0001);
  int64_t steady_ns = 0;
  for (int i = 0; i < 12; ++i) {
    steady_ns += clock.span_ns();
    clock.anchor(machine.reading_at(steady_ns));
  }
  EXPECT_EQ(clock.span_ns(), TscExtrapolation::longest_span_ns);
  const int64_t later_ns = steady_ns + 999 * ms;
  const uint64_t ticks = machine.ticks_at(later_ns);
  ASSERT_FALSE(clock.needs_anchor(ticks));
  EXPECT_NEAR(static_cast<double>(clock.real_ns(ticks) - machine.real_offset_ns - later_ns), 0, 10);
}

TEST(TscExtrapolationTest, follows_a_step_of_the_real_clock_at_the_next_anchor) {
  Machine machine{3.0};
  TscExtrapolation clock;
  clock.start(machine.reading_at(0), 1 / 3.0);
  machine.real_offset_ns += 5000 * ms;
  clock.anchor(machine.reading_at(ms));
  EXPECT_NEAR(
      static_cast<double>(clock.real_ns(machine.ticks_at(ms + 100)) - machine.real_offset_ns - ms),
      100, 1);
}

TEST(TscExtrapolationTest, drops_the_rate_of_a_machine_that_was_suspended) {
  const Machine machine{3.0};
  TscExtrapolation clock;
  clock.start(machine.reading_at(0), 1 / 3.0);
  clock.anchor(machine.reading_at(ms));
  ASSERT_GT(clock.span_ns(), TscExtrapolation::shortest_span_ns);

  ClockReading restarted = machine.reading_at(2 * ms);
  restarted.ticks = 10;  // the counter began again
  clock.anchor(restarted);
  EXPECT_EQ(clock.span_ns(), TscExtrapolation::shortest_span_ns);
  EXPECT_NEAR(static_cast<double>(clock.real_ns(10 + 3000) - restarted.real_ns), 1000, 1);
}

TEST(TscExtrapolationTest, survives_an_anchor_without_progress) {
  const Machine machine{3.0};
  TscExtrapolation clock;
  clock.start(machine.reading_at(0), 1 / 3.0);
  clock.anchor(machine.reading_at(0));
  EXPECT_EQ(clock.span_ns(), TscExtrapolation::shortest_span_ns);
}

}  // namespace
}  // namespace ringmain
