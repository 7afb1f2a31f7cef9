// Topics: create, list, describe, delete.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringmain {

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

struct ConfigValue {
  std::string name;
  std::string value;
  bool is_default = true;
  bool read_only = false;
  std::string documentation;
};

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
  virtual std::vector<TopicDescription> list_topics() = 0;
  virtual TopicDescription describe_topic(const std::string& name) = 0;
  virtual std::vector<ConfigValue> describe_configs(const std::string& topic) = 0;
  // Who holds what in shared memory: producers with their intents, readers with their pins. JSON.
  virtual std::string describe_locks(const std::string& topic) = 0;
};

}  // namespace ringmain
