// DescribeConfigs: the settings of a topic or of this broker, each with where it comes from.
#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "gateway/handlers/config_resource.hpp"
#include "gateway/handlers/config_wire.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;

Result<std::vector<ConfigEntry>> topic_configs(const std::string& name,
                                               const RequestContext& context) {
  RINGMAIN_TRY(check_topic_name(name));
  if (!context.may(Operation::describe_configs, Resource::topic(name))) {
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to see the settings of topic {}", name));
  }
  return context.services.topics.topic_configs(name);
}

// An empty name asks for what was changed on all brokers at once: there is no such thing here.
Result<std::vector<ConfigEntry>> broker_configs(const std::string& name,
                                                const RequestContext& context) {
  if (!context.may(Operation::describe_configs, Resource::cluster())) {
    return fail(ErrorCode::cluster_authorization_failed,
                "not allowed to see the broker's settings");
  }
  if (name.empty()) return std::vector<ConfigEntry>{};
  RINGMAIN_TRY(check_is_this_broker(name, context));
  return context.services.topics.broker_configs();
}

Result<std::vector<ConfigEntry>> configs_of(const DescribeConfigsRequest::Resource& resource,
                                            const RequestContext& context) {
  switch (resource.resource_type) {
    case topic_resource:
      return topic_configs(resource.resource_name, context);
    case broker_resource:
      return broker_configs(resource.resource_name, context);
    default:
      return no_such_resource(resource.resource_type);
  }
}

// Strongest first: the value in force, then what holds where nobody sets it.
std::vector<DescribeConfigsResponse::Synonym> synonyms_of(const ConfigEntry& entry) {
  std::vector<DescribeConfigsResponse::Synonym> synonyms{
      {entry.name, told_value(entry), config_source(entry)}};
  if (entry.source != ConfigSource::preset && entry.preset && !entry.sensitive) {
    synonyms.push_back({entry.name, entry.preset, static_cast<int8_t>(ConfigSource::preset)});
  }
  return synonyms;
}

DescribeConfigsResponse::Config told(const ConfigEntry& entry,
                                     const DescribeConfigsRequest& request) {
  DescribeConfigsResponse::Config config;
  config.name = entry.name;
  config.value = told_value(entry);
  config.read_only = entry.read_only;
  config.is_default = entry.source == ConfigSource::preset;
  config.config_source = config_source(entry);
  config.is_sensitive = entry.sensitive;
  config.config_type = static_cast<int8_t>(entry.type);
  if (request.include_synonyms) config.synonyms = synonyms_of(entry);
  if (request.include_documentation) config.documentation = entry.documentation;
  return config;
}

// Which of the settings are wanted. Keys that do not exist are passed over, as in Kafka.
class Keys {
 public:
  explicit Keys(const std::optional<std::vector<std::string>>& wanted) : all_(!wanted) {
    if (wanted) keys_.insert(wanted->begin(), wanted->end());
  }
  bool contains(const std::string& name) const { return all_ || keys_.contains(name); }

 private:
  bool all_;
  std::set<std::string_view> keys_;
};

DescribeConfigsResponse::Resource describe(const DescribeConfigsRequest::Resource& resource,
                                           const DescribeConfigsRequest& request,
                                           const RequestContext& context) {
  DescribeConfigsResponse::Resource described;
  described.resource_type = resource.resource_type;
  described.resource_name = resource.resource_name;
  const auto entries = configs_of(resource, context);
  if (!entries) {
    set_error(described, DescribeConfigsResponse::api_key, entries.error());
    return described;
  }
  const Keys keys(resource.configuration_keys);
  for (const ConfigEntry& entry : *entries) {
    if (keys.contains(entry.name)) described.configs.push_back(told(entry, request));
  }
  return described;
}

}  // namespace

DescribeConfigsResponse describe_configs(const DescribeConfigsRequest& request,
                                         RequestContext& context) {
  DescribeConfigsResponse response;
  // Each resource once: the answer is far longer than the question.
  std::set<std::pair<int8_t, std::string_view>> seen;
  for (const auto& resource : request.resources) {
    if (!seen.emplace(resource.resource_type, resource.resource_name).second) continue;
    response.results.push_back(describe(resource, request, context));
  }
  return response;
}

}  // namespace ringmain::gateway
