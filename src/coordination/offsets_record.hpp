// The records of __consumer_offsets, in Kafka's own format.
// Contract: docs/formats/consumer-offsets.md.
//
// Pure functions over bytes that nobody vouches for: a bad record is an Error, never a crash.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::coordination {

using kafka::Bytes;

// Strings in these records have an int16 length.
inline constexpr size_t kMaxStringBytes = 32767;

// As it goes into the topic; no value: a tombstone.
struct Record {
  Bytes key;
  std::optional<Bytes> value;
  bool operator==(const Record&) const = default;
};

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

struct OffsetKey {
  std::string group;
  TopicPartition partition;
  bool operator==(const OffsetKey&) const = default;
};

struct CommittedOffset {
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata;
  int64_t commit_ms = -1;               // real time
  std::optional<int64_t> expires_ms{};  // real time; asked for by OffsetCommit 2-4
  bool operator==(const CommittedOffset&) const = default;
};

struct GroupKey {
  std::string group;
  bool operator==(const GroupKey&) const = default;
};

// A group in its last generation, as it was when its assignment was handed in.
struct GroupMetadata {
  struct Member {
    std::string member;
    std::optional<std::string> instance;
    std::string client_id;
    std::string client_host;
    int32_t rebalance_timeout_ms = 0;
    int32_t session_timeout_ms = 0;
    Bytes subscription;  // what the member sent for the chosen protocol
    Bytes assignment;
    bool operator==(const Member&) const = default;
  };
  std::string protocol_type;
  int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  int64_t state_since_ms = -1;  // real time
  std::vector<Member> members;
  bool operator==(const GroupMetadata&) const = default;
};

// One record, decoded. No value: the thing was deleted.
struct OffsetChange {
  OffsetKey key;
  std::optional<CommittedOffset> value;
  bool operator==(const OffsetChange&) const = default;
};
struct GroupChange {
  GroupKey key;
  std::optional<GroupMetadata> value;
  bool operator==(const GroupChange&) const = default;
};
using Change = std::variant<OffsetChange, GroupChange>;

// Fails if a string is longer than kMaxStringBytes.
Result<Record> encode(const Change& change);

// nullopt: a key of a version that a later Kafka writes; Kafka's rule is to skip such records.
Result<std::optional<Change>> decode(const Record& record);

}  // namespace ringmain::coordination
