// The log under many schedules: nothing published is lost, offsets come in order and once, nobody
// writes what is not his, nobody reads what is not published, and everybody gets on.
#include <gtest/gtest.h>

#include "concurrency/explore.hpp"

namespace ringmain::sim {
namespace {

using format::FullPolicy;

TEST(Schedules, live_producers_and_readers_get_on) {
  const Scenario scenario{.producers = 2, .readers = 2, .records = 14};
  const auto explored = explore("live", scenario, {}, 6000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.probes.sleeps));
  EXPECT_TRUE(Explored::ran(explored.probes.wakes));
  EXPECT_TRUE(Explored::ran(explored.probes.stalled));
}

TEST(Schedules, the_block_policy_makes_producers_wait_for_readers) {
  const Scenario scenario{
      .producers = 3, .readers = 2, .slots = 3, .records = 8, .policy = FullPolicy::block};
  const auto explored = explore("block", scenario, {}, 2000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_EQ(explored.probes.lost, 0u);
  EXPECT_TRUE(Explored::ran(explored.probes.no_memory));
}

// One that seeks holds all, though its pin lies beyond what it has still to read: producers wait for just that.
TEST(Schedules, the_block_policy_keeps_what_a_seeking_reader_has_not_read) {
  const Scenario scenario{
      .producers = 3, .readers = 2, .slots = 3, .records = 8, .seeks = true, .policy = FullPolicy::block};
  const auto explored = explore("seeks", scenario, {}, 2000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_EQ(explored.probes.lost, 0u);
  EXPECT_TRUE(Explored::ran(explored.probes.seeks));
  EXPECT_TRUE(Explored::ran(explored.probes.no_memory));
}

TEST(Schedules, drop_oldest_tells_a_slow_reader_what_it_missed) {
  const Scenario scenario{
      .producers = 2, .readers = 2, .slots = 4, .slot_bytes = 512, .records = 40};
  const auto explored =
      explore("slow readers", scenario, {.readers_freeze = true, .within_steps = 100}, 1000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.probes.lost));
  EXPECT_TRUE(Explored::ran(explored.probes.held_by_reader));
}

TEST(Schedules, full_fences_do_where_the_kernel_has_no_asymmetric_barrier) {
  const Scenario scenario{.producers = 2, .readers = 2, .slots = 3, .records = 10, .fences = true};
  EXPECT_EQ(explore("fences", scenario, {}, 1000).failure, "");
}

TEST(Schedules, producers_die_at_random_steps) {
  const Scenario scenario{.producers = 3, .successors = 1, .readers = 1, .records = 10};
  const auto explored = explore("deaths", scenario, {.producers_die = true}, 20000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.filled));
  EXPECT_TRUE(Explored::ran(explored.probes.retries));
}

// The repairer reads tail, intents and frames while claims go on around it.
TEST(Schedules, a_producer_dies_among_busy_ones) {
  const Scenario scenario{
      .producers = 4, .readers = 1, .slot_bytes = 2048, .records = 12, .pauses = false};
  const auto explored = explore("busy", scenario, {.producers_die = true}, 10000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.filled));
}

TEST(Schedules, several_producers_die_at_once_in_tiny_segments) {
  const Scenario scenario{
      .producers = 4, .successors = 2, .readers = 1, .slot_bytes = 512, .records = 10};
  const auto explored =
      explore("many deaths", scenario, {.producers_die = true, .within_steps = 200}, 12000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.filled));
}

TEST(Schedules, a_producer_dies_at_each_of_its_steps) {
  const Scenario scenario{
      .producers = 3, .readers = 1, .slots = 3, .slot_bytes = 512, .records = 5};
  EXPECT_EQ(kill_at_each_step("each step of a producer", scenario, Victim::producer, 60).failure,
            "");
}

TEST(Schedules, a_broker_dies_at_each_of_its_steps) {
  const Scenario scenario{
      .producers = 2, .readers = 1, .brokers = 2, .slots = 3, .slot_bytes = 512, .records = 6};
  EXPECT_EQ(kill_at_each_step("each step of a broker", scenario, Victim::broker, 40).failure, "");
}

TEST(Schedules, producers_freeze_and_come_back) {
  const Scenario scenario{
      .producers = 3, .readers = 1, .slots = 6, .slot_bytes = 512, .records = 10};
  const auto explored =
      explore("freezes", scenario, {.producers_freeze = true, .within_steps = 250}, 2000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.freezes));
  EXPECT_TRUE(Explored::ran(explored.probes.held_by_producer));
}

// More segments go by than the directory has places, while a producer and a reader stand still.
TEST(Schedules, the_log_goes_far_beyond_those_who_stand_still) {
  const Scenario scenario{
      .producers = 3, .readers = 2, .slots = 7, .slot_bytes = 512, .records = 60};
  const auto explored =
      explore("far ahead", scenario,
              {.producers_freeze = true, .readers_freeze = true, .within_steps = 120}, 500);
  EXPECT_EQ(explored.failure, "");
}

TEST(Schedules, producers_freeze_while_others_die) {
  const Scenario scenario{
      .producers = 4, .successors = 1, .readers = 1, .slots = 6, .slot_bytes = 512, .records = 8};
  const auto explored =
      explore("freezes and deaths", scenario,
              {.producers_die = true, .producers_freeze = true, .within_steps = 250}, 6000);
  EXPECT_EQ(explored.failure, "");
}

TEST(Schedules, brokers_die_too) {
  const Scenario scenario{
      .producers = 3, .successors = 1, .readers = 1, .brokers = 3, .records = 10};
  const auto explored =
      explore("brokers", scenario, {.producers_die = true, .brokers_die = true}, 10000);
  EXPECT_EQ(explored.failure, "");
}

TEST(Schedules, memory_comes_in_small_steps_and_claims_are_given_up) {
  const Scenario scenario{.producers = 4,
                          .successors = 1,
                          .readers = 1,
                          .brokers = 2,
                          .small_steps = true,
                          .give_up = true};
  const auto explored =
      explore("small steps", scenario, {.producers_die = true, .brokers_die = true}, 10000);
  EXPECT_EQ(explored.failure, "");
  EXPECT_TRUE(Explored::ran(explored.probes.pending));
  EXPECT_TRUE(Explored::ran(explored.probes.abandoned));
}

TEST(Schedules, an_exclusive_producer_and_its_successors) {
  const Scenario scenario{.producers = 4, .readers = 2, .records = 14, .exclusive = true};
  const auto explored = explore("exclusive", scenario, {.producers_die = true}, 8000);
  EXPECT_EQ(explored.failure, "");
}

TEST(Schedules, an_exclusive_producer_dies_at_each_of_its_steps) {
  const Scenario scenario{
      .producers = 2, .readers = 1, .slots = 3, .slot_bytes = 512, .records = 8, .exclusive = true};
  EXPECT_EQ(kill_at_each_step("each step of an exclusive producer", scenario, Victim::producer, 60)
                .failure,
            "");
}

}  // namespace
}  // namespace ringmain::sim
