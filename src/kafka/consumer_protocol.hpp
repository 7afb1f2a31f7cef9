// What consumers tell each other through a group's coordinator: subscriptions and assignments,
// in the encoding that all Kafka clients share. The coordinator only ever looks for the topics.
//
// Pure functions over bytes of other clients: a bad one is an Error, never a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

// Partitions of one topic.
struct TopicPartitions {
  std::string topic;
  std::vector<int32_t> partitions;
  bool operator==(const TopicPartitions&) const = default;
};

// A member's metadata in JoinGroup.
struct ConsumerSubscription {
  std::vector<std::string> topics;
  std::optional<Bytes> user_data{};
  std::vector<TopicPartitions> owned{};  // version 1+: what it holds and has not given up
  int32_t generation = -1;               // version 2+: the generation in which it got them
  std::optional<std::string> rack{};     // version 3+
  bool operator==(const ConsumerSubscription&) const = default;
};

// A member's part in SyncGroup.
struct ConsumerAssignment {
  std::vector<TopicPartitions> partitions;
  std::optional<Bytes> user_data{};
  bool operator==(const ConsumerAssignment&) const = default;
};

// Written as version 3 and 1; clients of older versions skip what they do not know.
Result<Bytes> encode(const ConsumerSubscription& subscription);
Result<Bytes> encode(const ConsumerAssignment& assignment);

// Any version: of a newer one, the fields known here.
Result<ConsumerSubscription> decode_subscription(std::span<const std::byte> bytes);
Result<ConsumerAssignment> decode_assignment(std::span<const std::byte> bytes);

}  // namespace ringmain::kafka
