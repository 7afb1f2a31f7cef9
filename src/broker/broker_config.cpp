#include "broker/broker_config.hpp"

#include <charconv>
#include <functional>

#include <fmt/format.h>

namespace ringmain::broker {
namespace {

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
      {"max.connections", "10000", ConfigType::int32, "Connections of one listener at the most.",
       number(&BrokerConfig::connections_max, 1, 0x7fffffff), "a number from 1"},
      {"num.partitions", "1", ConfigType::int32, "Partitions of a new topic that does not say.",
       number(&BrokerConfig::num_partitions, 1, 100000), "a number from 1 to 100000"},
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
