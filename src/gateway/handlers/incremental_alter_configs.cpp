// IncrementalAlterConfigs: settings of a topic one by one. A resource's changes hold together or
// not at all.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "gateway/handlers/altering.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;
using Change = IncrementalAlterConfigsRequest::Config;

// Kafka's numbers.
constexpr int8_t to_set = 0;
constexpr int8_t to_unset = 1;
constexpr int8_t to_append = 2;
constexpr int8_t to_subtract = 3;

std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (comma != 0) items.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

std::string joined(const std::vector<std::string>& items) {
  std::string list;
  for (const std::string& item : items) list += (list.empty() ? "" : ",") + item;
  return list;
}

// What a list comes to with these items, or without them.
std::string changed_list(std::string_view list, const Change& change) {
  std::vector<std::string> items = items_of(list);
  for (const std::string& item : items_of(*change.value)) {
    const auto found = std::find(items.begin(), items.end(), item);
    if (change.config_operation == to_append && found == items.end()) items.push_back(item);
    if (change.config_operation == to_subtract && found != items.end()) items.erase(found);
  }
  return joined(items);
}

Status change_one(Overrides& overrides, const Change& change,
                  const std::vector<ConfigEntry>& settings) {
  const auto setting = std::ranges::find(settings, change.name, &ConfigEntry::name);
  if (setting == settings.end()) {
    return fail(ErrorCode::invalid_config,
                fmt::format("{}: there is no such setting", printable(change.name)));
  }
  if (change.config_operation == to_unset) {
    overrides.erase(change.name);
    return {};
  }
  if (!change.value) return no_value(change.name);
  switch (change.config_operation) {
    case to_set:
      overrides[change.name] = *change.value;
      return {};
    case to_append:
    case to_subtract:
      if (setting->type == ConfigType::list) {
        overrides[change.name] = changed_list(setting->value, change);
        return {};
      }
      return fail(ErrorCode::invalid_config,
                  fmt::format("{} is no list: nothing can be appended to it or taken from it",
                              change.name));
    default:
      return fail(
          ErrorCode::invalid_request,
          fmt::format("{}: operation {} is not known; 0 sets, 1 unsets, 2 appends, 3 takes away",
                      change.name, change.config_operation));
  }
}

Result<Overrides> overrides_of(const IncrementalAlterConfigsRequest::Resource& resource,
                               const TopicInfo& topic, const TopicService& topics) {
  RINGMAIN_TRY_ASSIGN(settings, topics.topic_configs(topic.name));
  Overrides overrides = topic.overrides;
  std::set<std::string_view> named;
  for (const Change& change : resource.configs) {
    if (!named.insert(change.name).second) return named_twice(change.name);
    RINGMAIN_TRY(change_one(overrides, change, settings));
  }
  return overrides;
}

}  // namespace

IncrementalAlterConfigsResponse incremental_alter_configs(
    const IncrementalAlterConfigsRequest& request, RequestContext& context) {
  return alter_each<IncrementalAlterConfigsResponse>(
      request, context,
      [&](const IncrementalAlterConfigsRequest::Resource& resource, const TopicInfo& topic) {
        return overrides_of(resource, topic, context.services.topics);
      });
}

}  // namespace ringmain::gateway
