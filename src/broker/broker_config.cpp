#include "broker/broker_config.hpp"

#include <charconv>
#include <functional>

#include <fmt/format.h>

namespace ringmain::broker {
namespace {

using coordination::GroupConfig;
using gateway::ConfigType;

struct Setting {
  const char* name;
  const char* preset;
  ConfigType type;
  const char* documentation;
  std::function<bool(const std::string& value, BrokerConfig&)> parse;  // false: not allowed
  const char* allowed;
};

template <class T>
auto number(T BrokerConfig::*field, std::int64_t least, std::int64_t most) {
  return [=](const std::string& value, BrokerConfig& config) {
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc{} || end != value.data() + value.size() || parsed < least || parsed > most) return false;
    config.*field = static_cast<T>(parsed);
    return true;
  };
}
// Of the groups, in units of so many ms.
template <class T>
auto group_number(T coordination::GroupConfig::*field, std::int64_t least, std::int64_t most, std::int64_t unit = 1) {
  return [=](const std::string& value, BrokerConfig& config) {
    std::int64_t parsed = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc{} || end != value.data() + value.size() || parsed < least || parsed > most) return false;
    config.groups.*field = static_cast<T>(parsed * unit);
    return true;
  };
}
auto text(std::string BrokerConfig::*field) {
  return [=](const std::string& value, BrokerConfig& config) {
    config.*field = value;
    return true;
  };
}
auto boolean(bool BrokerConfig::*field) {
  return [=](const std::string& value, BrokerConfig& config) {
    config.*field = value == "true";
    return value == "true" || value == "false";
  };
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> list = {
      {"advertised.listeners", "", ConfigType::string,
       "HOST:PORT that Kafka clients are told to connect to; empty: the listener's own address.",
       text(&BrokerConfig::advertised_listeners), ""},
      {"auto.create.topics.enable", "true", ConfigType::boolean,
       "Whether asking for a topic that is not there creates it.", boolean(&BrokerConfig::auto_create_topics),
       "true or false"},
      {"broker.id", "1", ConfigType::int32, "This broker's number in its cluster.",
       number(&BrokerConfig::broker_id, 0, 0x7fffffff), "a number from 0"},
      {"bus.group", "", ConfigType::string,
       "Members of this group may use the bus too; empty: only its owner (and root).", text(&BrokerConfig::bus_group),
       ""},
      {"connections.max.idle.ms", "600000", ConfigType::int64, "A TCP connection that is silent this long is closed.",
       number(&BrokerConfig::connections_max_idle_ms, 1, INT64_MAX / 1000000), "a number of milliseconds from 1"},
      {"connections.memory.max.bytes", "536870912", ConfigType::int64,
       "What clients may make the broker keep, all together: requests that are not whole yet, and answers that they do not read.",
       number(&BrokerConfig::connections_memory_bytes, 1 << 20, 1ll << 40), "a number of bytes from 1048576"},
      {"fetch.max.bytes", "57671680", ConfigType::int32,
       "The most that one answer to a Fetch request holds, whatever the client asks for; a single larger batch goes alone.",
       number(&BrokerConfig::fetch_max_bytes, 1024, 0x7fffffff), "a number of bytes from 1024"},
      {"group.initial.rebalance.delay.ms", "3000", ConfigType::int32,
       "How long a group that was empty waits for more members before the first of them is given partitions.",
       group_number(&GroupConfig::initial_rebalance_delay_ms, 0, 0x7fffffff), "a number of milliseconds from 0"},
      {"group.max.session.timeout.ms", "1800000", ConfigType::int32, "The longest session.timeout.ms that a member may ask for.",
       group_number(&GroupConfig::max_session_timeout_ms, 1, 0x7fffffff), "a number of milliseconds from 1"},
      {"group.max.size", "2147483647", ConfigType::int32, "Members of one group at the most.",
       group_number(&GroupConfig::max_members, 1, 0x7fffffff), "a number from 1"},
      {"group.min.session.timeout.ms", "6000", ConfigType::int32, "The shortest session.timeout.ms that a member may ask for.",
       group_number(&GroupConfig::min_session_timeout_ms, 1, 0x7fffffff), "a number of milliseconds from 1"},
      {"log.cleaner.backoff.ms", "15000", ConfigType::int64, "How often topics with cleanup.policy=compact are looked at.",
       number(&BrokerConfig::cleaner_backoff_ms, 1, INT64_MAX / 1000000), "a number of milliseconds from 1"},
      {"log.cleaner.dedupe.buffer.size", "16777216", ConfigType::int64, "Memory for the keys of a log that is being compacted, in bytes.",
       number(&BrokerConfig::cleaner_buffer_bytes, 1 << 20, 1ll << 40), "a number of bytes from 1048576"},
      {"log.retention.check.interval.ms", "300000", ConfigType::int64, "How often it is looked whether old log files may go.",
       number(&BrokerConfig::retention_check_ms, 1, INT64_MAX / 1000000), "a number of milliseconds from 1"},
      {"max.connections", "10000", ConfigType::int32, "Connections of one listener at the most.",
       number(&BrokerConfig::connections_max, 1, 0x7fffffff), "a number from 1"},
      {"num.partitions", "1", ConfigType::int32, "Partitions of a new topic that does not say.",
       number(&BrokerConfig::num_partitions, 1, 100000), "a number from 1 to 100000"},
      {"offset.metadata.max.bytes", "4096", ConfigType::int32, "The longest text that a commit may carry, in bytes.",
       group_number(&GroupConfig::offset_metadata_max_bytes, 0, 32767), "a number of bytes from 0 to 32767"},
      {"offsets.retention.check.interval.ms", "600000", ConfigType::int64, "How often it is looked whether committed offsets are too old.",
       group_number(&GroupConfig::retention_check_ms, 1, INT64_MAX / 1000000), "a number of milliseconds from 1"},
      {"offsets.retention.minutes", "10080", ConfigType::int32, "How long offsets of a group that has no members are kept.",
       group_number(&GroupConfig::offsets_retention_ms, 1, 0x7fffffff, 60'000), "a number of minutes from 1"},
      {"offsets.topic.num.partitions", "50", ConfigType::int32, "Partitions of __consumer_offsets, when it is made.",
       number(&BrokerConfig::offsets_partitions, 1, 100000), "a number from 1 to 100000"},
      {"socket.request.max.bytes", "104857600", ConfigType::int32, "The largest request.",
       number(&BrokerConfig::request_max_bytes, 1024, 0x7fffffff), "a number of bytes from 1024"},
  };
  return list;
}

}  // namespace

Result<BrokerConfig> parse_broker_config(const std::map<std::string, std::string>& configs) {
  BrokerConfig config;
  for (const auto& [key, value] : configs) {
    const Setting* found = nullptr;
    std::string known;
    for (const Setting& setting : settings()) {
      if (key == setting.name) found = &setting;
      known += (known.empty() ? "" : ", ") + std::string(setting.name);
    }
    if (found == nullptr)
      return fail(ErrorCode::invalid_config, fmt::format("{}: no such broker setting; known are {}", key, known));
    if (!found->parse(value, config))
      return fail(ErrorCode::invalid_config, fmt::format("{}={}: must be {}", key, value, found->allowed));
  }
  return config;
}

std::vector<gateway::ConfigEntry> describe_broker_config(const std::map<std::string, std::string>& configs) {
  std::vector<gateway::ConfigEntry> entries;
  for (const Setting& setting : settings()) {
    const auto found = configs.find(setting.name);
    gateway::ConfigEntry& entry = entries.emplace_back();
    entry.name = setting.name;
    entry.value = found == configs.end() ? setting.preset : found->second;
    entry.source = found == configs.end() ? gateway::ConfigSource::preset : gateway::ConfigSource::broker_start;
    entry.preset = setting.preset;
    entry.type = setting.type;
    entry.read_only = true;
    entry.documentation = setting.documentation;
  }
  return entries;
}

}  // namespace ringmain::broker
