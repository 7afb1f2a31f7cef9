#include "client/admin_client.hpp"

#include <fmt/format.h>

#include "base/random.hpp"
#include "kafka/generated/create_partitions.hpp"
#include "kafka/generated/create_topics.hpp"
#include "kafka/generated/delete_topics.hpp"
#include "kafka/generated/describe_configs.hpp"
#include "kafka/generated/locks.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr std::int32_t kTimeoutMs = 30000;
constexpr const char* kChosenIdConfig = "ringmain.topic.id";  // as in gateway/handlers/create_topics.cpp

void check(std::int16_t code, const std::optional<std::string>& message, const std::string& what) {
  if (code == 0) return;
  const auto error = static_cast<ErrorCode>(code);
  throw Exception({error, message && !message->empty() ? *message : fmt::format("{}: {}", what, error_name(error))});
}

// Names one request to create: a broker may die over its answer, and the next one is asked the same
// again. As the new topic's id it tells that topic from one that somebody else made meanwhile.
std::string random_topic_id() {
  constexpr std::uint64_t kVersion = 0x4000, kVariant = 1ull << 63;  // RFC 4122, version 4
  return fmt::format("{:016x}{:016x}", (os_entropy64() & ~0xf000ull) | kVersion,
                     (os_entropy64() & ~(3ull << 62)) | kVariant);
}

template <class Topic>
TopicDescription describe(const Topic& topic) {
  TopicDescription description;
  description.name = topic.name;
  description.partitions = static_cast<std::int32_t>(topic.partitions.size());
  description.leaders.resize(topic.partitions.size());
  for (const auto& partition : topic.partitions)
    if (partition.partition_index >= 0 && partition.partition_index < description.partitions)
      description.leaders[static_cast<std::size_t>(partition.partition_index)] = partition.leader_id;
  return description;
}

}  // namespace

template <class Response, class Request>
Response AdminClient::ask(const Request& request, std::int16_t version) {
  auto answer = bus_->call<Response>(request, version, client_id_);
  if (!answer) throw Exception(answer.error());
  return std::move(answer->response);
}

void AdminClient::create_topic(const NewTopic& topic) {
  kafka::CreateTopicsRequest request;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic.name;
  wanted.num_partitions = topic.partitions;
  wanted.replication_factor = topic.replication_factor;
  for (const auto& [name, value] : topic.configs) {
    auto& config = wanted.configs.emplace_back();
    config.name = name;
    config.value = value;
  }
  auto& id = wanted.configs.emplace_back();
  id.name = kChosenIdConfig;
  id.value = random_topic_id();
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::CreateTopicsResponse>(request, 7);
  for (const auto& created : response.topics) {
    if (topic.if_not_exists && created.error_code == static_cast<std::int16_t>(ErrorCode::topic_already_exists)) return;
    check(created.error_code, created.error_message, "cannot create topic " + topic.name);
  }
}

void AdminClient::delete_topic(const std::string& name) {
  kafka::DeleteTopicsRequest request;
  request.topics.emplace_back().name = name;
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::DeleteTopicsResponse>(request, 6);
  for (const auto& topic : response.responses)
    check(topic.error_code, topic.error_message, "cannot delete topic " + name);
}

void AdminClient::add_partitions(const std::string& name, std::int32_t total) {
  kafka::CreatePartitionsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.count = total;
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::CreatePartitionsResponse>(request, 3);
  for (const auto& result : response.results)
    check(result.error_code, result.error_message, "cannot add partitions to topic " + name);
}

std::vector<TopicDescription> AdminClient::list_topics() {
  kafka::MetadataRequest request;
  request.topics = std::nullopt;  // all
  request.allow_auto_topic_creation = false;
  const auto response = ask<kafka::MetadataResponse>(request, 9);
  std::vector<TopicDescription> topics;
  for (const auto& topic : response.topics) topics.push_back(describe(topic));
  return topics;
}

TopicDescription AdminClient::describe_topic(const std::string& name) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = name;
  request.allow_auto_topic_creation = false;
  const auto response = ask<kafka::MetadataResponse>(request, 9);
  for (const auto& topic : response.topics) {
    if (topic.name != name) continue;
    if (topic.error_code == static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition))
      throw Exception({ErrorCode::unknown_topic_or_partition,
                       fmt::format("there is no topic {}; `ringmain topic list` shows those there are", name)});
    check(topic.error_code, std::nullopt, "cannot describe topic " + name);
    return describe(topic);
  }
  throw Exception({ErrorCode::unknown_topic_or_partition, "the broker said nothing about topic " + name});
}

std::vector<ConfigValue> AdminClient::describe_configs(const std::string& topic) {
  constexpr std::int8_t kTopicResource = 2;
  constexpr std::int8_t kPresetSource = 5;
  kafka::DescribeConfigsRequest request;
  auto& resource = request.resources.emplace_back();
  resource.resource_type = kTopicResource;
  resource.resource_name = topic;
  request.include_documentation = true;
  const auto response = ask<kafka::DescribeConfigsResponse>(request, 4);
  std::vector<ConfigValue> values;
  for (const auto& result : response.results) {
    check(result.error_code, result.error_message, "cannot describe the settings of topic " + topic);
    for (const auto& config : result.configs)
      values.push_back({config.name, config.value.value_or(""), config.config_source == kPresetSource, config.read_only,
                        config.documentation.value_or("")});
  }
  return values;
}

std::string AdminClient::describe_locks(const std::string& topic) {
  kafka::LocksRequest request;
  if (!topic.empty()) request.topic = topic;
  const auto response = ask<kafka::LocksResponse>(request, 0);
  check(response.error_code, response.error_message, "cannot tell who holds what");
  return response.json;
}

}  // namespace ringmain::client
