// Topics.
#include "client/admin_client.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.hpp"
#include "kafka/generated/create_partitions.hpp"
#include "kafka/generated/create_topics.hpp"
#include "kafka/generated/delete_records.hpp"
#include "kafka/generated/delete_topics.hpp"
#include "kafka/generated/describe_log_dirs.hpp"
#include "kafka/generated/list_offsets.hpp"
#include "kafka/generated/locks.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {
namespace {

constexpr std::int32_t kTimeoutMs = 30000;
constexpr const char* kChosenIdConfig = "ringmain.topic.id";  // as in gateway/handlers/create_topics.cpp

// From these on a topic can be asked for without being created, its partitions left to the broker, and deletions named.
constexpr Versions kMetadata{4, kafka::MetadataRequest::max_version};
constexpr Versions kCreate{4, kafka::CreateTopicsRequest::max_version};
constexpr Versions kDeleteByName{0, 5};
constexpr Versions kListOffsets{1, kafka::ListOffsetsRequest::max_version};

// Names one request to create: a broker may die over its answer, and the next one is asked the same
// again. As the new topic's id it tells that topic from one that somebody else made meanwhile.
std::string random_topic_id() {
  constexpr std::uint64_t kVersion = 0x4000, kVariant = 1ull << 63;  // RFC 4122, version 4
  return fmt::format("{:016x}{:016x}", (os_entropy64() & ~0xf000ull) | kVersion,
                     (os_entropy64() & ~(3ull << 62)) | kVariant);
}

// DeleteRecords brings a code alone.
std::optional<std::string> why_not_trimmed(ErrorCode code, const std::string& topic, std::int32_t partition, std::int64_t offset) {
  switch (code) {
    case ErrorCode::unknown_topic_or_partition:
      return fmt::format("there is no partition {} of a topic {}; `ringmain topic list` shows the topics there are", partition, topic);
    case ErrorCode::offset_out_of_range:
      return fmt::format("partition {}-{} cannot start at offset {}: its log ends before it", topic, partition, offset);
    case ErrorCode::policy_violation:
      return fmt::format("topic {} has cleanup.policy=compact, which keeps the newest record of each key: it is not trimmed", topic);
    default:
      return std::nullopt;
  }
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

constexpr std::int64_t wire_timestamp(const OffsetSpec& spec) {
  constexpr std::int64_t kLatest = -1, kEarliest = -2;
  switch (spec.kind) {
    case OffsetSpec::Kind::earliest:
      return kEarliest;
    case OffsetSpec::Kind::timestamp:
      return std::max<std::int64_t>(spec.timestamp_ms, 0);
    case OffsetSpec::Kind::latest:
      break;
  }
  return kLatest;
}

}  // namespace

void check_answer(std::int16_t code, const std::optional<std::string>& message, const std::string& what) {
  if (code == 0) return;
  const auto error = static_cast<ErrorCode>(code);
  throw Exception({error, message && !message->empty() ? *message : fmt::format("{}: {} (error {})", what, error_name(error), code)});
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
  if (call_->is_local()) {
    auto& id = wanted.configs.emplace_back();
    id.name = kChosenIdConfig;
    id.value = random_topic_id();
  }
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::CreateTopicsResponse>(request, To::controller(), kCreate);
  for (const auto& created : response.topics) {
    if (topic.if_not_exists && created.error_code == static_cast<std::int16_t>(ErrorCode::topic_already_exists)) return;
    check_answer(created.error_code, created.error_message, "cannot create topic " + topic.name);
  }
}

void AdminClient::delete_topic(const std::string& name) {
  kafka::DeleteTopicsRequest request;
  request.topic_names.push_back(name);
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::DeleteTopicsResponse>(request, To::controller(), kDeleteByName);
  for (const auto& topic : response.responses)
    check_answer(topic.error_code, topic.error_message, "cannot delete topic " + name);
}

void AdminClient::add_partitions(const std::string& name, std::int32_t total) {
  kafka::CreatePartitionsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = name;
  topic.count = total;
  request.timeout_ms = kTimeoutMs;
  const auto response = ask<kafka::CreatePartitionsResponse>(request, To::controller());
  for (const auto& result : response.results)
    check_answer(result.error_code, result.error_message, "cannot add partitions to topic " + name);
}

std::int64_t AdminClient::delete_records(const std::string& topic, std::int32_t partition, std::int64_t before_offset) {
  kafka::DeleteRecordsRequest request;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.partitions.push_back({partition, before_offset});
  request.timeout_ms = kTimeoutMs;
  const std::int32_t leader = by_leader({{topic, partition}}).begin()->first;
  const auto response = ask<kafka::DeleteRecordsResponse>(request, To::broker(leader));
  for (const auto& answer : response.topics)
    for (const auto& done : answer.partitions) {
      check_answer(done.error_code, why_not_trimmed(static_cast<ErrorCode>(done.error_code), topic, partition, before_offset),
            fmt::format("cannot trim partition {}-{}", topic, partition));
      return done.low_watermark;
    }
  throw Exception({ErrorCode::invalid_state, fmt::format("the broker said nothing about partition {}-{}", topic, partition)});
}

std::vector<std::int64_t> AdminClient::describe_log_sizes(const std::string& topic) {
  const std::int32_t partitions = describe_topic(topic).partitions;
  kafka::DescribeLogDirsRequest request;
  auto& wanted = request.topics.emplace().emplace_back();
  wanted.topic = topic;
  for (std::int32_t i = 0; i < partitions; ++i) wanted.partitions.push_back(i);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(partitions));
  auto brokers = call_->all_brokers();
  if (!brokers) throw Exception(brokers.error());
  for (const To to : *brokers) {  // each tells what it has; a partition is as large as its largest replica
    const auto response = ask<kafka::DescribeLogDirsResponse>(request, to);
    check_answer(response.error_code, std::nullopt, "cannot tell how much is on disk");
    for (const auto& result : response.results)
      for (const auto& found : result.topics)
        for (const auto& partition : found.partitions)
          if (partition.partition_index >= 0 && partition.partition_index < partitions) {
            auto& size = sizes[static_cast<std::size_t>(partition.partition_index)];
            size = std::max(size, partition.partition_size);
          }
  }
  return sizes;
}

std::vector<TopicDescription> AdminClient::list_topics() {
  kafka::MetadataRequest request;
  request.topics = std::nullopt;  // all
  request.allow_auto_topic_creation = false;
  const auto response = ask<kafka::MetadataResponse>(request, To::any(), kMetadata);
  std::vector<TopicDescription> topics;
  for (const auto& topic : response.topics) topics.push_back(describe(topic));
  return topics;
}

TopicDescription AdminClient::describe_topic(const std::string& name) {
  kafka::MetadataRequest request;
  request.topics.emplace().emplace_back().name = name;
  request.allow_auto_topic_creation = false;
  const auto response = ask<kafka::MetadataResponse>(request, To::any(), kMetadata);
  for (const auto& topic : response.topics) {
    if (topic.name != name) continue;
    if (topic.error_code == static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition))
      throw Exception({ErrorCode::unknown_topic_or_partition,
                       fmt::format("there is no topic {}; `ringmain topic list` shows those there are", name)});
    check_answer(topic.error_code, std::nullopt, "cannot describe topic " + name);
    return describe(topic);
  }
  throw Exception({ErrorCode::unknown_topic_or_partition, "the broker said nothing about topic " + name});
}

std::map<std::int32_t, std::vector<TopicPartition>> AdminClient::by_leader(const std::vector<TopicPartition>& partitions) {
  std::map<std::string, TopicDescription> topics;
  std::map<std::int32_t, std::vector<TopicPartition>> by_leader;
  for (const TopicPartition& partition : partitions) {
    auto found = topics.find(partition.topic);
    if (found == topics.end()) found = topics.emplace(partition.topic, describe_topic(partition.topic)).first;
    const TopicDescription& topic = found->second;
    if (partition.partition < 0 || partition.partition >= topic.partitions)
      throw Exception({ErrorCode::unknown_topic_or_partition,
                       fmt::format("there is no partition {} of topic {}, which has {}", partition.partition, partition.topic,
                                   topic.partitions)});
    const std::int32_t leader = topic.leaders[static_cast<std::size_t>(partition.partition)];
    if (leader < 0)
      throw Exception({ErrorCode::leader_not_available,
                       fmt::format("partition {}-{} has no leader at present", partition.topic, partition.partition)});
    by_leader[leader].push_back(partition);
  }
  return by_leader;
}

std::map<TopicPartition, std::optional<std::int64_t>> AdminClient::list_offsets(
    const std::map<TopicPartition, OffsetSpec>& wanted) {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, spec] : wanted) partitions.push_back(partition);
  std::map<TopicPartition, std::optional<std::int64_t>> offsets;
  for (const auto& [leader, led] : by_leader(partitions)) {
    kafka::ListOffsetsRequest request;
    request.replica_id = -1;
    for (const TopicPartition& partition : led) {
      if (request.topics.empty() || request.topics.back().name != partition.topic)
        request.topics.emplace_back().name = partition.topic;
      auto& asked = request.topics.back().partitions.emplace_back();
      asked.partition_index = partition.partition;
      asked.timestamp = wire_timestamp(wanted.at(partition));
    }
    const auto response = ask<kafka::ListOffsetsResponse>(request, To::broker(leader), kListOffsets);
    for (const auto& topic : response.topics)
      for (const auto& found : topic.partitions) {
        check_answer(found.error_code, std::nullopt,
                     fmt::format("cannot look up offsets of partition {}-{}", topic.name, found.partition_index));
        offsets[{topic.name, found.partition_index}] = found.offset < 0 ? std::nullopt : std::optional(found.offset);
      }
  }
  for (const TopicPartition& partition : partitions)
    if (!offsets.contains(partition))
      throw Exception({ErrorCode::invalid_state,
                       fmt::format("the broker said nothing about partition {}-{}", partition.topic, partition.partition)});
  return offsets;
}

std::string AdminClient::describe_locks(const std::string& topic) {
  if (!call_->is_local())
    throw Exception({ErrorCode::unsupported_version,
                     "who holds what in shared memory is told on the broker's host only: name its bus directory"});
  kafka::LocksRequest request;
  if (!topic.empty()) request.topic = topic;
  const auto response = ask<kafka::LocksResponse>(request);
  check_answer(response.error_code, response.error_message, "cannot tell who holds what");
  return response.json;
}

}  // namespace ringmain::client
