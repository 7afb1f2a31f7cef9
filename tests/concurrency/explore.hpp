// Runs many schedules of one scenario, and keeps count.
#pragma once

#include <cstdint>
#include <string>

#include "concurrency/world.hpp"

namespace ringmain::sim {

// What may befall the actors of a schedule, at random steps of theirs.
struct Accidents {
  bool producers_die = false;
  bool producers_freeze = false;
  bool readers_freeze = false;
  bool brokers_die = false;
  std::uint64_t within_steps = 500;
};

struct Explored {
  std::uint64_t schedules = 0, steps = 0, kills = 0, freezes = 0;
  std::uint64_t published = 0, filled = 0, slots_reused = 0;
  Probes probes;
  std::string failure;  // of the first schedule that failed, with its seed and its last steps

  void add(World& world);
  void print(const std::string& what) const;
  // Whether a rare path ran; always true where RINGMAIN_SCHEDULES has cut the run short.
  static bool ran(std::uint64_t times);
};

// A seed's strategy, its chances of a switch and of a store becoming visible.
Options options_for(std::uint64_t seed);

// Stops at the first failure. RINGMAIN_SCHEDULES and RINGMAIN_SEED override count and start.
Explored explore(const std::string& what, const Scenario& scenario, const Accidents& accidents,
                 std::uint64_t schedules, void (*plant)(Options&) = nullptr);

// Kills one thread at each of its steps in turn, for several base schedules.
enum class Victim { producer, broker };
Explored kill_at_each_step(const std::string& what, const Scenario& scenario, Victim victim,
                           std::uint64_t base_schedules);

}  // namespace ringmain::sim
