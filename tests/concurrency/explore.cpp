#include "concurrency/explore.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "sanitizers.hpp"

namespace ringmain::sim {
namespace {

// A sanitizer takes ten times as long for each step, and looks for other mistakes than a schedule
// can show: it gets an eighth of them.
#if defined(RINGMAIN_WITH_ASAN) || defined(RINGMAIN_WITH_TSAN)
constexpr std::uint64_t kShare = 8;
#else
constexpr std::uint64_t kShare = 1;
#endif

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void add_plans(Options& options, const Scenario& scenario, const Accidents& accidents) {
  Random random(options.seed * 13 + 1);
  const auto plan = [&](Plan::What what, int thread) {
    options.plans.push_back({what, thread, random.below(accidents.within_steps)});
  };
  if (accidents.producers_die)
    for (int i = 0; i < scenario.producers; ++i) {
      if (random.below(3) == 0) continue;
      if (random.below(2) == 0)
        plan(Plan::What::kill, i);
      else
        options.plans.push_back({Plan::What::kill_at_claim, i,
                                 random.below(static_cast<std::uint64_t>(scenario.records))});
    }
  if (accidents.producers_freeze)
    for (int i = 0; i < scenario.producers; ++i)
      if (random.below(2) != 0) plan(Plan::What::freeze, i);
  const int readers = scenario.producers + scenario.successors;
  if (accidents.readers_freeze)
    for (int i = 0; i < scenario.readers; ++i)
      if (random.below(2) != 0) plan(Plan::What::freeze, readers + i);
  if (accidents.brokers_die)
    for (int i = 0; i + 1 < scenario.brokers; ++i)
      plan(Plan::What::kill, readers + scenario.readers + i);
}

}  // namespace

void Explored::add(World& world) {
  ++schedules;
  steps += world.scheduler().steps();
  kills += world.scheduler().kills();
  freezes += world.scheduler().freezes();
  published += world.oracle().published_frames();
  filled += world.oracle().filled_claims();
  slots_reused += world.oracle().reused_slots();
  probes.add(world.probes());
}

void Explored::print(const std::string& what) const {
  fmt::print(
      "{}: explored {} schedules, {} steps, {} kills, {} freezes\n"
      "  {} claims published, {} filled, {} slots used again; {} sleeps, {} wakes, {} losses, {} "
      "times no memory, "
      "{} stalled, {} pending, {} abandoned, {} repairs retried, {} short of memory, held {} by "
      "readers, {} by producers\n",
      what, schedules, steps, kills, freezes, published, filled, slots_reused, probes.sleeps,
      probes.wakes, probes.lost, probes.no_memory, probes.stalled, probes.pending, probes.abandoned,
      probes.retries, probes.short_repairs, probes.held_by_reader, probes.held_by_producer);
}

bool Explored::ran(std::uint64_t times) {
  return times != 0 || kShare > 1 || std::getenv("RINGMAIN_SCHEDULES") != nullptr;
}

Options options_for(std::uint64_t seed) {
  Random random(seed * 77 + 5);
  Options options;
  options.seed = seed;
  options.strategy = seed % 3 == 0 ? Strategy::pct : Strategy::random;
  options.switch_one_in = 1 + static_cast<std::uint32_t>(random.below(8));
  options.drain_one_in = 1 + static_cast<std::uint32_t>(random.below(16));
  options.pct_length = 300 + random.below(4000);
  return options;
}

Explored explore(const std::string& what, const Scenario& scenario, const Accidents& accidents,
                 std::uint64_t schedules, void (*plant)(Options&)) {
  Explored explored;
  const std::uint64_t first = environment("RINGMAIN_SEED", 1);
  const std::uint64_t share = plant == nullptr ? kShare : 1;  // a planted bug is to be found all the same
  const std::uint64_t count = environment("RINGMAIN_SCHEDULES", schedules / share);
  for (std::uint64_t seed = first; seed < first + count && explored.failure.empty(); ++seed) {
    Options options = options_for(seed);
    add_plans(options, scenario, accidents);
    if (plant != nullptr) plant(options);
    World world(scenario, options);
    if (!world.run())
      explored.failure =
          fmt::format("RINGMAIN_SEED={} RINGMAIN_SCHEDULES=1 replays it\n{}", seed, world.report());
    explored.add(world);
  }
  explored.print(what);
  return explored;
}

Explored kill_at_each_step(const std::string& what, const Scenario& scenario, Victim victim,
                           std::uint64_t base_schedules) {
  Explored explored;
  const std::uint64_t first = environment("RINGMAIN_SEED", 1);
  for (std::uint64_t seed = first; seed < first + (base_schedules + kShare - 1) / kShare; ++seed) {
    const int thread = victim == Victim::producer
                           ? 0
                           : scenario.producers + scenario.successors + scenario.readers;
    bool reached = true;
    for (std::uint64_t step = 0; reached && explored.failure.empty();
         ++step) {  // until it outlives its plan
      Options options = options_for(seed);
      options.plans.push_back({Plan::What::kill, thread, step});
      World world(scenario, options);
      if (!world.run())
        explored.failure =
            fmt::format("seed {}, killed at its step {}\n{}", seed, step, world.report());
      reached = world.scheduler().kills() != 0;
      explored.add(world);
    }
  }
  explored.print(what);
  return explored;
}

}  // namespace ringmain::sim
