// Assignors: the examples of Kafka's own documentation, and what must hold of any group.
#include "client/assignor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/random.hpp"

namespace ringmain::client {
namespace {

using kafka::TopicPartitions;
using Parts = std::vector<TopicPartitions>;
using Partition = std::pair<std::string, int32_t>;

std::set<Partition> set_of(const Parts& parts) {
  std::set<Partition> out;
  for (const auto& topic : parts) {
    for (const int32_t partition : topic.partitions)
      EXPECT_TRUE(out.emplace(topic.topic, partition).second) << "twice";
  }
  return out;
}

GroupMember member(const std::string& id, std::vector<std::string> topics) {
  return {id, std::nullopt, {std::move(topics)}};
}

TEST(Assignors, have_the_names_that_kafkas_clients_know) {
  for (const char* name : {"range", "roundrobin", "sticky", "cooperative-sticky"})
    EXPECT_STREQ(name_of(assignor_named(name).value()), name);
  EXPECT_FALSE(assignor_named("uniform"));
}

TEST(RangeAssignor, gives_neighbours_and_the_first_members_one_more) {
  const auto parts = assign(Assignor::range, {member("b", {"t", "u"}), member("a", {"t", "u"})},
                            {{"t", 3}, {"u", 3}});
  EXPECT_EQ(parts.at("a"), (Parts{{"t", {0, 1}}, {"u", {0, 1}}}));
  EXPECT_EQ(parts.at("b"), (Parts{{"t", {2}}, {"u", {2}}}));
}

TEST(RangeAssignor, looks_at_instance_ids_first) {
  GroupMember fixed = member("z", {"t"});
  fixed.instance = "i";
  const auto parts = assign(Assignor::range, {member("a", {"t"}), fixed}, {{"t", 3}});
  EXPECT_EQ(parts.at("z"), (Parts{{"t", {0, 1}}}));
}

TEST(RoundRobinAssignor, goes_in_turn_through_those_who_read_the_topic) {
  const auto equal =
      assign(Assignor::round_robin, {member("a", {"t", "u"}), member("b", {"t", "u"})},
             {{"t", 3}, {"u", 3}});
  EXPECT_EQ(equal.at("a"), (Parts{{"t", {0, 2}}, {"u", {1}}}));
  EXPECT_EQ(equal.at("b"), (Parts{{"t", {1}}, {"u", {0, 2}}}));
  const auto unequal =
      assign(Assignor::round_robin,
             {member("a", {"t"}), member("b", {"t", "u"}), member("c", {"t", "u", "v"})},
             {{"t", 1}, {"u", 2}, {"v", 3}});
  EXPECT_EQ(unequal.at("a"), (Parts{{"t", {0}}}));
  EXPECT_EQ(unequal.at("b"), (Parts{{"u", {0}}}));
  EXPECT_EQ(unequal.at("c"), (Parts{{"u", {1}}, {"v", {0, 1, 2}}}));
}

TEST(EveryAssignor, lives_with_members_and_topics_that_match_nothing) {
  for (const Assignor assignor :
       {Assignor::range, Assignor::round_robin, Assignor::sticky, Assignor::cooperative_sticky}) {
    EXPECT_TRUE(assign(assignor, {}, {{"t", 3}}).empty());
    const auto parts =
        assign(assignor, {member("a", {"gone"}), member("b", {})}, {{"t", 3}, {"empty", 0}});
    EXPECT_EQ(parts.size(), 2u);
    EXPECT_TRUE(parts.at("a").empty());
  }
}

TEST(StickyAssignors, do_not_believe_what_cannot_be_read) {
  GroupMember broken = member("a", {"t"});
  broken.subscription.user_data = kafka::Bytes(3, std::byte{0x7f});
  for (const Assignor assignor : {Assignor::sticky, Assignor::cooperative_sticky})
    EXPECT_EQ(set_of(assign(assignor, {broken}, {{"t", 3}}).at("a")).size(), 3u);
}

TEST(StickyAssignors, believe_the_later_generation) {
  for (const Assignor assignor : {Assignor::sticky, Assignor::cooperative_sticky}) {
    const Parts all{{"t", {0, 1}}};
    const std::vector<GroupMember> members{
        {"old", {}, subscription_for(assignor, {"t"}, all, 3)},
        {"new", {}, subscription_for(assignor, {"t"}, {{"t", {1}}}, 4)}};
    const auto parts = assign(assignor, members, {{"t", 2}});
    EXPECT_EQ(parts.at("new"), (Parts{{"t", {1}}}));
    EXPECT_EQ(parts.at("old"), (Parts{{"t", {0}}}));
  }
}

// A group that changes at random: members come and go, topics grow. All read the same topics.
class StickyGroup {
 public:
  StickyGroup(Assignor assignor, uint64_t seed) : random(seed), assignor_(assignor) {}

  // One generation. Gives what each member holds after it.
  void rebalance() {
    ++generation_;
    std::vector<GroupMember> members;
    for (const auto& [id, parts] : held)
      members.push_back({id, {}, subscription_for(assignor_, {"t", "u"}, parts, generation_ - 1)});
    const auto parts = assign(assignor_, members, counts);
    for (auto& [id, mine] : held) mine = parts.at(id);
  }
  void come() { held.emplace("m" + std::to_string(random.below(1'000'000)), Parts{}); }
  void go() {
    if (held.size() > 1)
      held.erase(std::next(held.begin(), static_cast<std::ptrdiff_t>(random.below(held.size()))));
  }
  std::map<Partition, std::string> owners() const {
    std::map<Partition, std::string> out;
    for (const auto& [id, parts] : held) {
      for (const Partition& partition : set_of(parts))
        EXPECT_TRUE(out.emplace(partition, id).second) << "two owners";
    }
    return out;
  }
  // Each partition has an owner, and nobody two more than another.
  void expect_even() const {
    EXPECT_EQ(owners().size(), static_cast<size_t>(counts.at("t") + counts.at("u")));
    size_t least = SIZE_MAX, most = 0;
    for (const auto& [id, parts] : held) {
      least = std::min(least, set_of(parts).size());
      most = std::max(most, set_of(parts).size());
    }
    EXPECT_LE(most, least + 1);
  }

  Random random;
  PartitionCounts counts{{"t", 10}, {"u", 7}};
  std::map<std::string, Parts> held;

 private:
  Assignor assignor_;
  int32_t generation_ = 0;
};

TEST(StickyAssignor, is_even_and_moves_no_more_than_it_must) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    StickyGroup group(Assignor::sticky, seed);
    group.come();
    group.rebalance();
    for (int turn = 0; turn < 20; ++turn) {
      const auto before = group.owners();
      const uint64_t change = group.random.below(4);
      if (change == 0) group.go();
      if (change == 1) group.come();
      if (change == 2) group.counts["t"] += 3;
      group.rebalance();
      group.expect_even();
      size_t moved = 0;
      for (const auto& [partition, owner] : group.owners()) {
        const auto held = before.find(partition);
        moved += held != before.end() && held->second != owner && group.held.contains(held->second);
      }
      // Only for somebody who came does a partition go from one who is there to another.
      const size_t total = static_cast<size_t>(group.counts["t"] + group.counts["u"]);
      EXPECT_LE(moved, change == 1 ? total / group.held.size() + 1 : 0);
    }
  }
}

TEST(CooperativeStickyAssignor, never_gives_away_what_is_held_and_settles_in_two_generations) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    StickyGroup group(Assignor::cooperative_sticky, seed);
    group.come();
    group.rebalance();
    for (int turn = 0; turn < 20; ++turn) {
      if (group.random.below(2) == 0)
        group.come();
      else
        group.go();
      const auto before = group.owners();
      group.rebalance();
      for (const auto& [partition, owner] : group.owners()) {
        const auto held = before.find(partition);
        EXPECT_TRUE(held == before.end() || held->second == owner ||
                    !group.held.contains(held->second));
      }
      group.rebalance();
      group.expect_even();
      const auto settled = group.owners();
      group.rebalance();
      EXPECT_EQ(group.owners(), settled);
    }
  }
}

TEST(StickyAssignors, cover_every_topic_when_members_read_different_ones) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    PartitionCounts counts;
    std::vector<std::string> topics{"a", "b", "c", "d"};
    for (const auto& topic : topics) counts[topic] = static_cast<int32_t>(random.below(9));
    std::vector<GroupMember> members;
    for (uint64_t i = 0; i <= random.below(6); ++i) {
      std::vector<std::string> mine;
      for (const auto& topic : topics) {
        if (random.below(2) == 0) mine.push_back(topic);
      }
      members.push_back(member("m" + std::to_string(i), mine));
    }
    size_t expected = 0, given = 0;
    for (const auto& [topic, count] : counts) {
      for (const auto& one : members) {
        if (std::ranges::count(one.subscription.topics, topic) == 0) continue;
        expected += static_cast<size_t>(count);
        break;
      }
    }
    for (const auto& [id, parts] : assign(Assignor::sticky, members, counts)) {
      for (const auto& [topic, partition] : set_of(parts)) {
        const auto& reads =
            std::ranges::find(members, id, &GroupMember::member)->subscription.topics;
        EXPECT_EQ(std::ranges::count(reads, topic), 1);
        ++given;
      }
    }
    EXPECT_EQ(given, expected);
  }
}

}  // namespace
}  // namespace ringmain::client
