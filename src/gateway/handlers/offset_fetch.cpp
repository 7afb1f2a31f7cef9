// OffsetFetch: one group up to version 7, any number from 8 on.
#include <optional>
#include <utility>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {
namespace {

using coordination::FetchedOffset;
using coordination::GroupError;
using kafka::OffsetFetchRequest;
using kafka::OffsetFetchResponse;

// Request topics of either shape, as partitions; nullopt: all.
std::optional<std::vector<coordination::TopicPartition>> partitions_of(const auto& topics) {
  if (!topics) return std::nullopt;
  std::vector<coordination::TopicPartition> out;
  for (const auto& topic : *topics) {
    for (const int32_t partition : topic.partition_indexes) out.push_back({topic.name, partition});
  }
  return out;
}

// Puts the offsets under their topics, in the order in which they come.
template <class Topic>
void fill(std::vector<Topic>& topics, const std::vector<FetchedOffset>& offsets,
          RequestContext& context) {
  for (const FetchedOffset& one : offsets) {
    if (topics.empty() || topics.back().name != one.partition.topic)
      topics.emplace_back().name = one.partition.topic;
    auto& answer = topics.back().partitions.emplace_back();
    answer.partition_index = one.partition.partition;
    answer.committed_offset = -1;
    answer.metadata = "";
    if (!context.may(Operation::read, Resource::topic(one.partition.topic))) {
      answer.error_code = static_cast<int16_t>(ErrorCode::topic_authorization_failed);
      continue;
    }
    answer.committed_offset = one.offset;
    answer.committed_leader_epoch = one.leader_epoch;
    answer.metadata = one.metadata;
  }
}

// Version 1 has no place for an error of the whole group.
void tell_each_partition(OffsetFetchResponse& response,
                         const std::vector<coordination::TopicPartition>& partitions,
                         RequestContext& context) {
  std::vector<FetchedOffset> none;
  for (const auto& partition : partitions) none.emplace_back().partition = partition;
  fill(response.topics, none, context);
  for (auto& topic : response.topics) {
    for (auto& partition : topic.partitions) partition.error_code = response.error_code;
  }
}

}  // namespace

OffsetFetchResponse offset_fetch(const OffsetFetchRequest& request, RequestContext& context) {
  constexpr int16_t first_with_many = 8;
  GroupService& groups = *context.services.groups;
  OffsetFetchResponse response;
  if (context.api_version >= first_with_many) {
    for (const auto& group : request.groups) {
      const auto partitions = partitions_of(group.topics);
      const coordination::FetchReply reply =
          groups.fetch(group.group_id, partitions ? &*partitions : nullptr);
      auto& answer = response.groups.emplace_back();
      answer.group_id = group.group_id;
      answer.error_code = to_wire(reply.error);
      fill(answer.topics, reply.offsets, context);
    }
    return response;
  }
  const auto partitions = partitions_of(request.topics);
  const coordination::FetchReply reply =
      groups.fetch(request.group_id, partitions ? &*partitions : nullptr);
  response.error_code = to_wire(reply.error);
  if (reply.error != GroupError::none && context.api_version < 2) {
    tell_each_partition(response, *partitions, context);
  } else {
    fill(response.topics, reply.offsets, context);
  }
  return response;
}

}  // namespace ringmain::gateway
