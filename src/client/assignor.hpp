// Assignors: how the leader of a group of consumers shares the partitions among its members.
//
// Pure functions, run by whichever member leads, on whatever other clients sent. Names and bytes
// are those of Kafka's clients, so members of both kinds can be in one group.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/consumer_protocol.hpp"

namespace ringmain::client {

enum class Assignor {
  range,              // of each topic a run of neighbours: equal partitions of several topics meet
  round_robin,        // all partitions in turn
  sticky,             // balanced, and everybody keeps what they can
  cooperative_sticky  // likewise, and nobody stops reading what they keep
};

// As members name it in JoinGroup: "range", "roundrobin", "sticky", "cooperative-sticky".
const char* name_of(Assignor assignor) noexcept;
std::optional<Assignor> assignor_named(std::string_view name) noexcept;

// Whether a member reads on while it joins. The others give everything up before.
constexpr bool keeps_while_joining(Assignor assignor) {
  return assignor == Assignor::cooperative_sticky;
}

struct GroupMember {
  std::string member;
  std::optional<std::string> instance{};  // a static member's own name
  kafka::ConsumerSubscription subscription{};
};

using PartitionCounts = std::map<std::string, int32_t>;                          // by topic
using Assignments = std::map<std::string, std::vector<kafka::TopicPartitions>>;  // by member id

// What a member says in JoinGroup: its topics, and what it holds since `generation`. A member that
// may have been passed over (its JoinGroup took longer than its rebalance timeout) holds nothing.
kafka::ConsumerSubscription subscription_for(Assignor assignor, std::vector<std::string> topics,
                                             const std::vector<kafka::TopicPartitions>& owned,
                                             int32_t generation);

// Every member has its entry, and every partition of a topic that somebody reads one owner. Except
// that with cooperative_sticky a partition that is to move stays with nobody until its owner has
// given it up: the owner then joins again, and the next generation gives it away.
Assignments assign(Assignor assignor, const std::vector<GroupMember>& members,
                   const PartitionCounts& partitions);

}  // namespace ringmain::client
