#include "client/remote_offsets.hpp"

#include "kafka/generated/list_offsets.hpp"

namespace ringmain::client {
namespace {

// From version 1 on the answer is one offset.
constexpr Versions kOneOffset{1, kafka::ListOffsetsRequest::max_version};

}  // namespace

Result<std::map<TopicPartition, FoundOffset>> list_offsets(
    Call& call, To leader, const std::map<TopicPartition, std::int64_t>& times) {
  kafka::ListOffsetsRequest request;
  request.replica_id = -1;
  for (const auto& [partition, time] : times) {
    if (request.topics.empty() || request.topics.back().name != partition.topic)
      request.topics.emplace_back().name = partition.topic;
    auto& asked = request.topics.back().partitions.emplace_back();
    asked.partition_index = partition.partition;
    asked.timestamp = time;
  }
  RINGMAIN_TRY_ASSIGN(said, call.ask<kafka::ListOffsetsResponse>(request, leader, kOneOffset));
  std::map<TopicPartition, FoundOffset> offsets;
  for (const auto& topic : said.response.topics)
    for (const auto& found : topic.partitions)
      offsets[{topic.name, found.partition_index}] = {found.error_code, found.offset,
                                                      found.timestamp};
  return offsets;
}

}  // namespace ringmain::client
