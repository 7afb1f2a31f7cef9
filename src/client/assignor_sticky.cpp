// Sticky and cooperative-sticky: from what members hold, to what is even.
#include "client/assignor_sticky.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "kafka/reader.hpp"
#include "kafka/writer.hpp"

namespace ringmain::client {
namespace {

using kafka::Encoding;
using kafka::TopicPartitions;
using Partition = std::pair<std::string, int32_t>;

constexpr auto kClassic = Encoding::classic;

struct Claim {
  int32_t generation = -1;
  std::vector<TopicPartitions> owned;
};

// Kafka's eager sticky assignor tells what a member held in its own bytes: partitions, and since
// version 1 of them the generation. They are another client's: what cannot be read is no claim.
Claim read_sticky_claim(const kafka::Bytes& bytes) {
  kafka::Reader in(bytes);
  Claim claim;
  claim.owned = in.array<TopicPartitions>("StickyUserData.previous", kClassic, 2 + 4, [&] {
    TopicPartitions topic;
    topic.topic = in.string("StickyUserData.topic", kClassic);
    topic.partitions = in.array<int32_t>("StickyUserData.partitions", kClassic, 4,
                                         [&] { return in.int32("StickyUserData.partition"); });
    return topic;
  });
  if (in.ok() && in.remaining_bytes() != 0)
    claim.generation = in.int32("StickyUserData.generation");
  return in.ok() ? claim : Claim{};
}

kafka::Bytes write_sticky_claim(const Claim& claim) {
  kafka::Writer out;
  out.array(claim.owned, kClassic, [&](const TopicPartitions& topic) {
    out.string(topic.topic, kClassic);
    out.array(topic.partitions, kClassic, [&](int32_t partition) { out.int32(partition); });
  });
  out.int32(claim.generation);
  return std::move(out).take().value_or(kafka::Bytes{});
}

Claim claim_of(Assignor assignor, const kafka::ConsumerSubscription& subscription) {
  if (assignor == Assignor::sticky)
    return subscription.user_data ? read_sticky_claim(*subscription.user_data) : Claim{};
  Claim claim{subscription.generation, subscription.owned};
  if (claim.generation < 0 && subscription.user_data) {  // older clients
    kafka::Reader in(*subscription.user_data);
    const int32_t generation = in.int32("CooperativeUserData.generation");
    if (in.ok()) claim.generation = generation;
  }
  return claim;
}

class Sharing {
 public:
  Sharing(Assignor assignor, const std::vector<const GroupMember*>& members,
          const PartitionCounts& partitions)
      : members_(members), load_(members.size()) {
    for (size_t i = 0; i < members.size(); ++i) {
      for (const std::string& topic : members[i]->subscription.topics) {
        if (partitions.contains(topic)) readers_[topic].insert(i);
      }
    }
    read_claims(assignor);
    for (const auto& [topic, readers] : readers_) {
      for (int32_t partition = 0; partition < partitions.at(topic); ++partition)
        place({topic, partition});
    }
  }

  void make_even() {
    // Ends: each move makes the sum of the squares of the loads smaller.
    while (move_one()) continue;
  }

  Assignments result(Assignor assignor) const {
    Assignments out;
    for (const auto& [partition, owner] : owner_) {
      const auto holder = holders_.find(partition);
      const bool moves = holder != holders_.end() && holder->second != owner;
      if (moves && keeps_while_joining(assignor)) continue;  // its owner gives it up first
      auto& part = out[members_[owner]->member];
      if (part.empty() || part.back().topic != partition.first)
        part.push_back({partition.first, {}});
      part.back().partitions.push_back(partition.second);
    }
    return out;
  }

 private:
  // Of two that claim one partition, the one of the later generation holds it; of the same,
  // neither: one of them is wrong, and both will give it up.
  void read_claims(Assignor assignor) {
    std::map<Partition, int32_t> generations;
    std::set<Partition> disputed;
    for (size_t i = 0; i < members_.size(); ++i) {
      const Claim claim = claim_of(assignor, members_[i]->subscription);
      for (const TopicPartitions& topic : claim.owned) {
        for (const int32_t number : topic.partitions) {
          const Partition partition{topic.topic, number};
          const auto [known, first] = generations.emplace(partition, claim.generation);
          if (!first && known->second > claim.generation) continue;
          if (!first && known->second == claim.generation && holders_[partition] != i)
            disputed.insert(partition);
          else if (known->second < claim.generation)
            disputed.erase(partition);
          known->second = claim.generation;
          holders_[partition] = i;
        }
      }
    }
    for (const Partition& partition : disputed) holders_.erase(partition);
  }

  size_t least_loaded(const std::string& topic) const {
    return *std::ranges::min_element(readers_.at(topic), {},
                                     [&](size_t member) { return load_[member]; });
  }

  // With whoever holds it; what nobody holds comes when all that is held is placed.
  void place(const Partition& partition) {
    const auto holder = holders_.find(partition);
    if (holder == holders_.end() || !readers_.at(partition.first).contains(holder->second)) {
      free_.push_back(partition);
      return;
    }
    owner_[partition] = holder->second;
    held_by_topic_[holder->second][partition.first].insert(partition.second);
    ++load_[holder->second];
  }

  void give(const Partition& partition, size_t member) {
    owner_[partition] = member;
    held_by_topic_[member][partition.first].insert(partition.second);
    ++load_[member];
  }

  bool move_one() {
    if (!free_.empty()) {
      for (const Partition& partition : std::exchange(free_, {}))
        give(partition, least_loaded(partition.first));
      return true;
    }
    std::vector<size_t> by_load(members_.size());
    for (size_t i = 0; i < by_load.size(); ++i) by_load[i] = i;
    std::ranges::sort(by_load, [&](size_t a, size_t b) { return load_[a] != load_[b] ? load_[a] > load_[b] : a < b; });
    for (const size_t from : by_load) {
      for (auto& [topic, held] : held_by_topic_[from]) {
        const size_t to = held.empty() ? from : least_loaded(topic);
        if (load_[from] < load_[to] + 2) continue;
        const Partition partition{topic, *held.rbegin()};
        held.erase(partition.second);
        --load_[from];
        give(partition, to);
        return true;
      }
    }
    return false;
  }

  const std::vector<const GroupMember*>& members_;
  std::vector<size_t> load_;
  std::map<std::string, std::set<size_t>>
      readers_;                          // by topic: members by their place in the order
  std::map<Partition, size_t> holders_;  // who reads it now
  std::map<Partition, size_t> owner_;    // who shall
  std::map<size_t, std::map<std::string, std::set<int32_t>>> held_by_topic_;
  std::vector<Partition> free_;
};

}  // namespace

Assignments assign_sticky(Assignor assignor, const std::vector<const GroupMember*>& members,
                          const PartitionCounts& partitions) {
  Sharing sharing(assignor, members, partitions);
  sharing.make_even();
  return sharing.result(assignor);
}

kafka::ConsumerSubscription subscription_for(Assignor assignor, std::vector<std::string> topics,
                                             const std::vector<TopicPartitions>& owned,
                                             int32_t generation) {
  kafka::ConsumerSubscription out;
  out.topics = std::move(topics);
  if (assignor == Assignor::sticky) {
    out.user_data = write_sticky_claim({generation, owned});
  } else if (assignor == Assignor::cooperative_sticky) {
    out.owned = owned;
    out.generation = generation;
    kafka::Writer user_data;
    user_data.int32(generation);
    out.user_data = std::move(user_data).take().value_or(kafka::Bytes{});
  }
  return out;
}

}  // namespace ringmain::client
