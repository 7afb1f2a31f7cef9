// Groups of consumers under a network that loses, delays and repeats, with members that die, stall
// and come again, and a coordinator that crashes and replays its log. In the end, when all that
// stops, every group settles: each partition has one owner, who lives.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "sanitizers.hpp"
#include "simulation/groups/consumer.hpp"

namespace ringmain::coordination::test {
namespace {

// RINGMAIN_SEED replays one, RINGMAIN_SEEDS makes a longer campaign of it.
uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

class Life {
 public:
  Life(uint64_t seed, Bug bug) : world(seed, bug) {}

  // What went wrong, or empty.
  std::string live() {
    Random& random = world.random;
    const bool large = random.below(20) == 0;
    const uint64_t groups = 1 + random.below(large ? 3 : 4);
    const uint64_t members = large ? 100 + random.below(200) : 1 + random.below(30);
    world.partitions = 1 + static_cast<int32_t>(random.below(large ? 400 : 40));
    world.faults = {random.below(4) * 3, random.below(4) * 3,
                    5 + static_cast<int64_t>(random.below(500)), random.below(3) * 3};
    for (uint64_t i = 0; i < members; ++i) {
      const int64_t start_ms = static_cast<int64_t>(random.below(20'000));
      world.at(start_ms, [this, group = random.below(groups)] { add(group); });
    }
    const int64_t chaos_ms = 60'000 + static_cast<int64_t>(random.below(240'000));
    for (int64_t at_ms = 5'000; at_ms < chaos_ms;
         at_ms += 500 + static_cast<int64_t>(random.below(15'000))) {
      world.at(at_ms, [this, groups] { mishap(groups); });
    }
    world.run_until(chaos_ms);
    std::string wrong = settle(groups);
    return wrong.empty() ? world.audit.wrong() : wrong;
  }

  World world;

 private:
  Consumer& add(uint64_t group, std::optional<std::string> instance = {}) {
    Random& random = world.random;
    ConsumerOptions options;
    options.group = fmt::format("g{}", group);
    options.client = fmt::format("c{}", consumers_.size());
    options.assignor = group % 2 == 0 ? Assignor::eager : Assignor::cooperative;
    if (options.assignor == Assignor::cooperative) world.audit.is_cooperative(options.group);
    if (instance) {
      options.instance = instance;
    } else if (random.below(4) == 0) {
      options.instance = fmt::format("i{}", consumers_.size());
    }
    if (random.below(3) == 0) options.new_members = NewMembers::join_at_once;
    options.is_local = random.below(3) == 0;
    options.session_timeout_ms = 6'000 + static_cast<int32_t>(random.below(10'000));
    options.rebalance_timeout_ms = 6'000 + static_cast<int32_t>(random.below(30'000));
    const ConnectionId connection(consumers_.size() + 1);
    consumers_.push_back(std::make_shared<Consumer>(world, options, connection));
    consumers_.back()->start();
    return *consumers_.back();
  }

  Consumer* any_alive() {
    std::vector<Consumer*> alive;
    for (const auto& consumer : consumers_) {
      if (consumer->alive()) alive.push_back(consumer.get());
    }
    return alive.empty() ? nullptr : alive[world.random.below(alive.size())];
  }

  void mishap(uint64_t groups) {
    Random& random = world.random;
    Consumer* victim = any_alive();
    const uint64_t kind = random.below(10);
    if (kind == 0) return world.crash();
    if (kind == 1) {
      world.partitions += static_cast<int32_t>(random.below(3));
      return;
    }
    if (kind == 2 || victim == nullptr) {
      add(random.below(groups));
      return;
    }
    if (kind <= 4) return victim->kill();
    if (kind == 5) return victim->leave();
    if (kind <= 7) return victim->stall(static_cast<int64_t>(random.below(60'000)));
    // A static member comes again: after its death, or beside its other self.
    if (!victim->options().instance) return victim->kill();
    const std::string group = victim->options().group;
    const std::string instance = *victim->options().instance;
    if (random.below(2) == 0)
      victim->kill();
    else
      victim->stall(static_cast<int64_t>(random.below(30'000)));
    world.at(static_cast<int64_t>(random.below(12'000)), [this, group, instance] {
      add(std::strtoull(group.c_str() + 1, nullptr, 10), instance);
    });
  }

  std::string settle(uint64_t groups) {
    world.faults = {};
    // One more for each group, so that somebody assigns with the partitions there are now.
    for (uint64_t group = 0; group < groups; ++group) add(group);
    world.run_until(world.now_ms + 900'000);
    if (!world.audit.wrong().empty()) return world.audit.wrong();
    std::map<std::string, std::map<int32_t, std::string>> owners;
    std::map<std::string, size_t> sizes;
    std::map<std::string, int32_t> generations;
    for (const auto& consumer : consumers_) {
      if (!consumer->alive()) continue;
      const std::string& group = consumer->options().group;
      if (!consumer->settled()) return fmt::format("{} {} has not settled", group, consumer->id());
      const auto [generation, first] = generations.emplace(group, consumer->generation());
      if (generation->second != consumer->generation())
        return fmt::format("{}: members of generations {} and {}", group, generation->second,
                           consumer->generation());
      ++sizes[group];
      for (const int32_t partition : consumer->owned()) {
        if (!owners[group].emplace(partition, consumer->id()).second)
          return fmt::format("{}: partition {} has two owners", group, partition);
      }
    }
    for (uint64_t i = 0; i < groups; ++i) {
      const std::string group = fmt::format("g{}", i);
      const Description found = world.coordinator().describe(group);
      if (found.state != "Stable") return fmt::format("{} is {}", group, found.state);
      if (found.members.size() != sizes[group])
        return fmt::format("{} has {} members, {} live", group, found.members.size(), sizes[group]);
      if (owners[group].size() != static_cast<size_t>(world.partitions))
        return fmt::format("{}: {} of {} partitions have an owner", group, owners[group].size(),
                           world.partitions);
      world.tally.largest_group = std::max<uint64_t>(world.tally.largest_group, sizes[group]);
    }
    // When nobody asks any more, no question is open.
    for (const auto& consumer : consumers_) consumer->kill();
    world.run_until(world.now_ms + 5'000);
    if (world.unanswered() != 0)
      return fmt::format("{} requests were not answered", world.unanswered());
    return {};
  }

  std::vector<std::shared_ptr<Consumer>> consumers_;
};

void add_up(Tally& total, const World& world) {
  const Tally& one = world.tally;
  ++total.schedules;
  total.requests += one.requests, total.lost += one.lost, total.repeated += one.repeated;
  total.crashes += one.crashes, total.failed_appends += one.failed_appends;
  total.joins += one.joins, total.deaths += one.deaths, total.fenced += one.fenced;
  total.generations += world.audit.generations, total.commits += world.audit.commits;
  total.largest_group = std::max(total.largest_group, one.largest_group);
}

#ifdef RINGMAIN_WITH_ASAN
constexpr uint64_t kSeeds = 30;  // each takes thirty times as long
#else
constexpr uint64_t kSeeds = 200;
#endif

TEST(GroupSimulation, every_group_settles_with_one_owner_for_each_partition) {
  Tally total;
  const uint64_t first = number_from("RINGMAIN_SEED", 1);
  const uint64_t seeds = number_from("RINGMAIN_SEEDS", kSeeds);
  int failures = 0;
  for (uint64_t seed = first; seed < first + seeds && failures < 5; ++seed) {
    Life run(seed, Bug::none);
    const std::string wrong = run.live();
    if (!wrong.empty()) ++failures;
    EXPECT_EQ(wrong, "") << "replay with RINGMAIN_SEED=" << seed << " RINGMAIN_SEEDS=1";
    add_up(total, run.world);
  }
  std::printf(
      "%lu schedules: %lu requests, %lu messages lost, %lu repeated, %lu crashes, %lu failed "
      "appends, %lu joins, "
      "%lu deaths, %lu fenced, %lu generations, %lu offsets committed, largest group %lu\n",
      total.schedules, total.requests, total.lost, total.repeated, total.crashes,
      total.failed_appends, total.joins, total.deaths, total.fenced, total.generations,
      total.commits, total.largest_group);
  EXPECT_GT(total.generations, seeds);
  EXPECT_GT(total.commits, seeds);
}

// Each must be noticed in some of the schedules.
class Canary : public testing::TestWithParam<Bug> {};

TEST_P(Canary, is_noticed) {
  std::string wrong;
  for (uint64_t seed = 1; seed <= 30 && wrong.empty(); ++seed)
    wrong = Life(seed, GetParam()).live();
  EXPECT_NE(wrong, "");
  std::printf("noticed: %s\n", wrong.c_str());
}

INSTANTIATE_TEST_SUITE_P(Bugs, Canary,
                         testing::Values(Bug::log_forgets, Bug::generations_ignored,
                                         Bug::two_owners, Bug::alarms_lost));

}  // namespace
}  // namespace ringmain::coordination::test
