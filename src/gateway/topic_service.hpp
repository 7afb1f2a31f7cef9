// TopicService: what the gateway wants from whoever owns the topics.
//
// Loop thread only; no call waits for disk or network. Errors carry Kafka's codes and a
// sentence that tells the user what to do; the gateway passes both on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::gateway {

struct TopicInfo {
  kafka::Uuid id{};  // never all zero
  std::string name;
  uint32_t partitions = 1;
  std::map<std::string, std::string> overrides{};
};

// Where a setting's value comes from, with Kafka's numbers.
enum class ConfigSource : int8_t {
  topic = 1,           // an override of the topic
  broker_dynamic = 2,  // changed while the broker runs
  broker_start = 4,    // the broker's file or command line
  preset = 5,          // nobody set it
};

// What a value is, with Kafka's numbers.
enum class ConfigType : int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  floating = 6,
  list = 7,
  password = 9,
};

struct ConfigEntry {
  std::string name;
  std::string value;
  ConfigSource source = ConfigSource::preset;
  std::optional<std::string> preset{};  // what holds where nobody sets it
  ConfigType type = ConfigType::string;
  bool read_only = false;
  bool sensitive = false;  // the value is never told
  std::string documentation{};
};

// Where logs are kept on disk, and the size of that file system; -1: it does not tell.
struct LogDirectory {
  std::string path;
  int64_t total_bytes = -1;
  int64_t usable_bytes = -1;
};

enum class Commit {
  apply,
  validate_only,  // check everything, change nothing
};

struct NewTopic {
  std::string name;                 // legal: topic_name.hpp
  int32_t partitions = -1;          // -1: num.partitions; else at least 1
  int16_t replication_factor = -1;  // -1: default.replication.factor
  std::map<std::string, std::string> overrides{};
  std::optional<kafka::Uuid> id{};  // chosen by a local client; never all zero
};

class TopicService {
 public:
  virtual ~TopicService() = default;

  // By ascending name.
  virtual std::vector<TopicInfo> topics() const = 0;
  virtual std::optional<TopicInfo> find(std::string_view name) const = 0;

  // topic_already_exists (unless it has the wanted id: then this request has been served before,
  // and the topic is returned), invalid_partitions (too many), invalid_config (key or value),
  // invalid_request (another topic has the wanted id).
  // With validate_only: what would have been created.
  virtual Result<TopicInfo> create(const NewTopic& topic, Commit commit) = 0;

  // unknown_topic_or_partition.
  virtual Status remove(std::string_view name) = 0;

  // The new total; unknown_topic_or_partition, or invalid_partitions unless it grows.
  virtual Status add_partitions(std::string_view name, int32_t total, Commit commit) = 0;

  // These overrides take the place of the topic's. Durable when it returns, and in force: in the running broker, for
  // Kafka clients and for whoever attaches from now on. unknown_topic_or_partition, invalid_config (key or value, or
  // a setting that is fixed while the topic lives).
  virtual Status alter(std::string_view name, const std::map<std::string, std::string>& overrides, Commit commit) = 0;

  // Lets a partition start at an offset, or, without one, where it ends now. Gives where it starts then; that is further
  // on if it was. unknown_topic_or_partition, offset_out_of_range (beyond the end), policy_violation (a compacted topic
  // that does not delete), and errors of opening the partition.
  virtual Result<int64_t> trim(std::string_view topic, int32_t partition, std::optional<int64_t> offset) = 0;

  // Bytes on disk of each partition, 0 for those in memory; empty: there is no such topic.
  virtual std::vector<int64_t> log_bytes(std::string_view topic) const = 0;
  virtual LogDirectory log_directory() const = 0;

  // All settings with the values in force; unknown_topic_or_partition.
  virtual Result<std::vector<ConfigEntry>> topic_configs(std::string_view name) const = 0;
  virtual std::vector<ConfigEntry> broker_configs() const = 0;
};

}  // namespace ringmain::gateway
