#include "client/group_settings.hpp"

#include <fmt/format.h>

namespace ringmain::client {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& value,
                         const std::string& allowed) {
  throw Exception(
      {ErrorCode::invalid_config, fmt::format("{}={}: must be {}", key, value, allowed)});
}

std::vector<Assignor> assignors_named(const std::string& names) {
  constexpr const char* kKey = "partition.assignment.strategy";
  constexpr const char* kAllowed =
      "a list, by commas, of range, roundrobin, sticky, cooperative-sticky";
  std::vector<Assignor> list;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t end = std::min(names.find(',', at), names.size());
    std::string name = names.substr(at, end - at);
    std::erase(name, ' ');
    const auto assignor = assignor_named(name);
    if (!assignor) refuse(kKey, names, kAllowed);
    if (std::ranges::find(list, *assignor) == list.end()) list.push_back(*assignor);
    at = end + 1;
  }
  return list;
}

}  // namespace

GroupSettings GroupSettings::read(const Config& config, const ConfigReader& reader) {
  const auto text = [&](const char* key, const char* preset) {
    const auto found = config.find(key);
    return found == config.end() ? std::string(preset) : found->second;
  };
  const auto milliseconds = [&](const char* key, std::int32_t preset) {
    return static_cast<std::int32_t>(reader.number(key, preset, 1, INT32_MAX));
  };
  GroupSettings settings;
  settings.group = text("group.id", "");
  if (const std::string instance = text("group.instance.id", ""); !instance.empty())
    settings.instance = instance;
  settings.session_timeout_ms = milliseconds("session.timeout.ms", 45'000);
  settings.heartbeat_interval_ms = milliseconds("heartbeat.interval.ms", 3'000);
  settings.max_poll_interval_ms = milliseconds("max.poll.interval.ms", 300'000);
  settings.assignors =
      assignors_named(text("partition.assignment.strategy", "range,cooperative-sticky"));
  settings.commits_by_itself =
      reader.choice("enable.auto.commit", "true", {"true", "false"}) == "true";
  settings.commit_interval_ms = reader.number("auto.commit.interval.ms", 5'000, 0, INT32_MAX);
  if (settings.heartbeat_interval_ms >= settings.session_timeout_ms)
    refuse("heartbeat.interval.ms", std::to_string(settings.heartbeat_interval_ms),
           fmt::format("less than session.timeout.ms={}", settings.session_timeout_ms));
  return settings;
}

}  // namespace ringmain::client
