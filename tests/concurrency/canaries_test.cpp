// Canaries: a bug is planted, and the harness has to find it. A test here passes only if the
// checker reports a breach.
#include <gtest/gtest.h>

#include "concurrency/explore.hpp"

namespace ringmain::sim {
namespace {

constexpr std::uint64_t kMost = 5000;  // schedules in which a canary must be found

void expect_caught(const Explored& explored) {
  EXPECT_NE(explored.failure, "") << "the planted bug was not found in " << explored.schedules
                                  << " schedules";
  if (!explored.failure.empty())
    std::printf("  caught: %s\n",
                explored.failure.substr(0, explored.failure.find("\nthe last")).c_str());
}

TEST(Canaries, a_publish_without_release_is_caught) {
  expect_caught(explore("canary: relaxed publish", {.producers = 2, .readers = 1}, {}, kMost,
                        [](Options& options) { options.commit_stores_are_relaxed = true; }));
}

TEST(Canaries, a_heavy_barrier_that_does_nothing_is_caught) {
  expect_caught(explore("canary: no heavy barrier", {.producers = 2, .readers = 1}, {}, kMost,
                        [](Options& options) { options.heavy_barrier_does_nothing = true; }));
}

TEST(Canaries, a_sleeper_without_the_heavy_barrier_is_caught) {
  expect_caught(explore("canary: sleeps without barrier",
                        {.producers = 2, .readers = 1, .mistake = Mistake::sleeps_without_barrier},
                        {}, kMost));
}

TEST(Canaries, retiring_without_the_heavy_barrier_is_caught) {
  expect_caught(explore("canary: retires without barrier",
                        {.producers = 2,
                         .readers = 2,
                         .slots = 3,
                         .slot_bytes = 512,
                         .records = 20,
                         .mistake = Mistake::retires_without_barrier},
                        {}, 2 * kMost));
}

TEST(Canaries, a_repairer_that_does_not_ask_the_living_is_caught) {
  expect_caught(explore("canary: fills without asking",
                        {.producers = 3, .readers = 1, .mistake = Mistake::fills_without_asking},
                        {.producers_die = true}, kMost));
}

TEST(Canaries, a_repairer_that_forgets_void_offsets_is_caught) {
  expect_caught(explore("canary: forgets void offsets",
                        {.producers = 3, .readers = 1, .mistake = Mistake::forgets_void_offsets},
                        {.producers_die = true}, kMost));
}

TEST(Canaries, a_recycler_that_ignores_intents_is_caught) {
  expect_caught(explore("canary: ignores intents",
                        {.producers = 3,
                         .readers = 1,
                         .slot_bytes = 512,
                         .records = 20,
                         .mistake = Mistake::recycles_despite_intents},
                        {.producers_freeze = true}, kMost));
}

TEST(Canaries, a_recycler_that_ignores_pins_is_caught) {
  expect_caught(explore("canary: ignores pins",
                        {.producers = 2,
                         .readers = 2,
                         .slot_bytes = 512,
                         .records = 20,
                         .mistake = Mistake::recycles_despite_pins},
                        {.readers_freeze = true}, kMost));
}

}  // namespace
}  // namespace ringmain::sim
