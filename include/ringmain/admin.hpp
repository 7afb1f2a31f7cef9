// Administration: topics, settings, consumer groups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ringmain/record.hpp"

namespace ringmain {

// ---- Topics

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;                // -1: the broker's num.partitions
  std::int16_t replication_factor = -1;        // -1: the default, 1
  std::map<std::string, std::string> configs = {};  // e.g. {"max.message.bytes", "65536"}
  bool if_not_exists = false;
};

struct TopicDescription {
  std::string name;
  std::int32_t partitions = 0;
  std::vector<std::int32_t> leaders;  // broker id by partition
};

// A place in a partition's log, to be looked up.
struct OffsetSpec {
  enum class Kind { earliest, latest, timestamp };
  Kind kind = Kind::latest;
  std::int64_t timestamp_ms = 0;  // the first record of that time or later

  static constexpr OffsetSpec earliest() { return {Kind::earliest, 0}; }
  static constexpr OffsetSpec latest() { return {Kind::latest, 0}; }
  static constexpr OffsetSpec at(std::int64_t timestamp_ms) { return {Kind::timestamp, timestamp_ms}; }
};

// ---- Settings

// Where a setting's value comes from.
enum class ConfigSource {
  unknown,
  topic,           // an override of the topic
  broker_dynamic,  // changed while the broker runs
  broker_start,    // the broker's file or command line
  preset,          // nobody set it
};

struct ConfigValue {
  std::string name;
  std::string value;        // empty where it is a secret
  bool is_default = true;   // source is preset
  bool read_only = false;   // it cannot be changed now
  std::string documentation = {};
  ConfigSource source = ConfigSource::preset;
  std::optional<std::string> preset = {};  // what holds where nobody sets it, as far as the broker tells
  bool is_secret = false;
};

// Changes that hold together or not at all.
struct ConfigChange {
  std::map<std::string, std::string> set = {};
  std::vector<std::string> unset = {};  // back to the default
  bool validate_only = false;           // check everything, change nothing
};

// ---- The cluster

struct BrokerDescription {
  std::int32_t id = -1;
  std::string host;
  std::int32_t port = 0;
  std::string rack = {};  // empty: none
};

struct ClusterDescription {
  std::string cluster_id;
  std::int32_t controller_id = -1;  // -1: nobody knows at present
  std::vector<BrokerDescription> brokers;
};

// ---- Consumer groups

struct GroupListing {
  std::string group;
  std::string state;          // Kafka's: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead
  std::string protocol_type;  // "consumer"
};

struct GroupMember {
  std::string member_id;
  std::optional<std::string> instance_id;  // of a static member
  std::string client_id;
  std::string client_host;
  std::vector<TopicPartition> assignment;
};

// How far a group has come in one partition.
struct GroupOffset {
  TopicPartition partition;
  std::optional<std::int64_t> committed;   // none: the group has committed nothing there
  std::optional<std::int64_t> end_offset;  // one past the newest record; none: the partition is gone
  std::string metadata = {};               // the text that was committed with it

  std::optional<std::int64_t> lag() const {
    if (!committed || !end_offset) return std::nullopt;
    return *committed < *end_offset ? *end_offset - *committed : 0;
  }
};

struct GroupDescription {
  std::string group;
  std::string state;  // "Dead": there is no such group
  std::string protocol_type;
  std::string protocol;  // the assignor that the members agreed on
  std::vector<GroupMember> members;
  // What it has committed, and what its members are assigned. By topic and partition.
  std::vector<GroupOffset> offsets;
};

inline constexpr std::int32_t kThisBroker = -1;

// Asks the broker; every call waits for its answer and throws Exception with the protocol's error
// code (unknown_topic_or_partition, topic_already_exists, invalid_topic, invalid_partitions,
// invalid_config, ...). Thread safe.
class Admin {
 public:
  virtual ~Admin() = default;

  virtual void create_topic(const NewTopic& topic) = 0;
  virtual void delete_topic(const std::string& name) = 0;
  // Grows a topic to `total` partitions. Records that are there keep their partition.
  virtual void add_partitions(const std::string& name, std::int32_t total) = 0;
  // Lets a partition start at an offset: what is below it cannot be read any more, and goes. -1: where it ends now.
  // Gives the offset that it starts with then. Kafka's deleteRecords. Throws Exception: offset_out_of_range (beyond the
  // end), policy_violation (cleanup.policy=compact without delete), unknown_topic_or_partition.
  virtual std::int64_t delete_records(const std::string& topic, std::int32_t partition, std::int64_t before_offset) = 0;
  // Bytes on disk of each partition; 0 for those in memory. Throws Exception: unknown_topic_or_partition.
  virtual std::vector<std::int64_t> describe_log_sizes(const std::string& topic) = 0;
  virtual std::vector<TopicDescription> list_topics() = 0;
  virtual TopicDescription describe_topic(const std::string& name) = 0;
  // Offsets of places in logs; no value: there is no record of that time or later. Throws Exception:
  // unknown_topic_or_partition.
  virtual std::map<TopicPartition, std::optional<std::int64_t>> list_offsets(
      const std::map<TopicPartition, OffsetSpec>& wanted) = 0;
  // Who holds what in shared memory: producers with their intents, readers with their pins. JSON. Throws
  // Exception(unsupported_version) where the broker is not on this host.
  virtual std::string describe_locks(const std::string& topic) = 0;

  // All settings with the values in force.
  virtual std::vector<ConfigValue> describe_configs(const std::string& topic) = 0;
  virtual std::vector<ConfigValue> describe_broker_configs(std::int32_t broker_id = kThisBroker) = 0;
  // When it returns, the change is durable and in force. A producer that has the topic open keeps the
  // max.message.bytes, ack.durability and cleanup.policy that it saw when it opened it. Throws Exception:
  // invalid_config (key, value, or a setting that is fixed while the topic lives), unknown_topic_or_partition.
  virtual void alter_configs(const std::string& topic, const ConfigChange& change) = 0;
  // Throws Exception(invalid_request) for what is fixed while the broker runs: in Ringmain's, everything.
  virtual void alter_broker_configs(const ConfigChange& change, std::int32_t broker_id = kThisBroker) = 0;

  virtual ClusterDescription describe_cluster() = 0;

  virtual std::vector<GroupListing> list_groups() = 0;
  // A group that is not there has the state "Dead", and nothing else.
  virtual GroupDescription describe_group(const std::string& group) = 0;
  // Sets how far a group has come; it need not be there yet. All or none of them, unless a partition is not there.
  // Durable as __consumer_offsets is. Throws Exception: non_empty_group (its members hold the offsets: stop them
  // first), unknown_topic_or_partition.
  virtual void alter_group_offsets(const std::string& group, const std::map<TopicPartition, std::int64_t>& offsets) = 0;
  // Forgets how far a group has come. Throws Exception: group_subscribed_to_topic (members read it),
  // group_id_not_found, unknown_topic_or_partition.
  virtual void delete_group_offsets(const std::string& group, const std::vector<TopicPartition>& partitions) = 0;
  // Throws Exception: non_empty_group, group_id_not_found.
  virtual void delete_group(const std::string& group) = 0;
};

}  // namespace ringmain
