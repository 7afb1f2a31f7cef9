// Settings, and the cluster.
#include <fmt/format.h>

#include "client/admin_client.hpp"
#include "kafka/generated/describe_cluster.hpp"
#include "kafka/generated/describe_configs.hpp"
#include "kafka/generated/incremental_alter_configs.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

// Kafka's numbers.
constexpr std::int8_t kTopic = 2;
constexpr std::int8_t kBroker = 4;
constexpr std::int8_t kSet = 0;
constexpr std::int8_t kUnset = 1;
constexpr std::int8_t kPresetSource = 5;

constexpr Versions kWithSources{1, kafka::DescribeConfigsRequest::max_version};
constexpr Versions kWithClusterId{2, kafka::MetadataRequest::max_version};

ConfigSource source_of(std::int8_t wire) {
  switch (wire) {
    case 1:
      return ConfigSource::topic;
    case 2:
    case 3:
      return ConfigSource::broker_dynamic;
    case 4:
      return ConfigSource::broker_start;
    case kPresetSource:
      return ConfigSource::preset;
    default:
      return ConfigSource::unknown;
  }
}

ConfigValue value_of(const kafka::DescribeConfigsResponse::Config& config) {
  ConfigValue value;
  value.name = config.name;
  value.value = config.value.value_or("");
  value.source = source_of(config.config_source);
  value.is_default = value.source == ConfigSource::preset;
  value.read_only = config.read_only;
  value.is_secret = config.is_sensitive;
  value.documentation = config.documentation.value_or("");
  for (const auto& synonym : config.synonyms)
    if (synonym.source == kPresetSource) value.preset = synonym.value;
  if (value.is_default && !value.preset) value.preset = config.value;
  return value;
}

template <class Brokers, class IdOf>
std::vector<BrokerDescription> described(const Brokers& brokers, const IdOf& id_of) {
  std::vector<BrokerDescription> list;
  for (const auto& broker : brokers)
    list.push_back({id_of(broker), broker.host, broker.port, broker.rack.value_or("")});
  return list;
}

}  // namespace

std::vector<ConfigValue> AdminClient::describe_resource(std::int8_t type, const std::string& name,
                                                        To to, const std::string& what) {
  kafka::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = type;
  resource.resource_name = name;
  request.include_synonyms = true;
  request.include_documentation = true;
  const auto response = ask<kafka::DescribeConfigsResponse>(request, to, kWithSources);
  std::vector<ConfigValue> values;
  for (const auto& result : response.results) {
    check_answer(result.error_code, result.error_message,
                 "cannot describe the settings of " + what);
    for (const auto& config : result.configs) values.push_back(value_of(config));
  }
  return values;
}

void AdminClient::alter_resource(std::int8_t type, const std::string& name, To to,
                                 const ConfigChange& change, const std::string& what) {
  kafka::IncrementalAlterConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = type;
  resource.resource_name = name;
  for (const auto& [key, value] : change.set) resource.configs.push_back({key, kSet, value});
  for (const std::string& key : change.unset)
    resource.configs.push_back({key, kUnset, std::nullopt});
  request.validate_only = change.validate_only;
  const auto response = ask<kafka::IncrementalAlterConfigsResponse>(request, to);
  for (const auto& result : response.responses)
    check_answer(result.error_code, result.error_message, "cannot change the settings of " + what);
  if (response.responses.empty())
    throw Exception(
        {ErrorCode::invalid_state, "the broker said nothing about the settings of " + what});
}

std::vector<ConfigValue> AdminClient::describe_configs(const std::string& topic) {
  return describe_resource(kTopic, topic, To::any(), "topic " + topic);
}

std::vector<ConfigValue> AdminClient::describe_broker_configs(std::int32_t broker_id) {
  const std::int32_t id = this_broker(broker_id);
  return describe_resource(kBroker, std::to_string(id), To::broker(id),
                           fmt::format("broker {}", id));
}

void AdminClient::alter_configs(const std::string& topic, const ConfigChange& change) {
  alter_resource(kTopic, topic, To::controller(), change, "topic " + topic);
}

void AdminClient::alter_broker_configs(const ConfigChange& change, std::int32_t broker_id) {
  const std::int32_t id = this_broker(broker_id);
  alter_resource(kBroker, std::to_string(id), To::broker(id), change, fmt::format("broker {}", id));
}

// Of several the controller, if it is one of them.
std::int32_t AdminClient::this_broker(std::int32_t broker_id) {
  if (broker_id != kThisBroker) return broker_id;
  const ClusterDescription cluster = describe_cluster();
  for (const BrokerDescription& broker : cluster.brokers)
    if (broker.id == cluster.controller_id) return broker.id;
  if (!cluster.brokers.empty()) return cluster.brokers.front().id;
  throw Exception({ErrorCode::invalid_state, "the cluster has named no broker"});
}

ClusterDescription AdminClient::describe_cluster() {
  const auto said = call_->ask<kafka::DescribeClusterResponse>(
      kafka::DescribeClusterRequest{}, To::any(), Versions::of<kafka::DescribeClusterRequest>(),
      client_id_);
  if (said) {
    const auto& cluster = said->response;
    check_answer(cluster.error_code, cluster.error_message, "cannot describe the cluster");
    return {cluster.cluster_id, cluster.controller_id,
            described(cluster.brokers, [](const auto& broker) { return broker.broker_id; })};
  }
  if (said.error().code != ErrorCode::unsupported_version) throw Exception(said.error());
  kafka::MetadataRequest request;  // a broker before 2.8
  request.topics.emplace();        // none
  request.allow_auto_topic_creation = false;
  const auto metadata = ask<kafka::MetadataResponse>(request, To::any(), kWithClusterId);
  return {metadata.cluster_id.value_or(""), metadata.controller_id,
          described(metadata.brokers, [](const auto& broker) { return broker.node_id; })};
}

}  // namespace ringmain::client
