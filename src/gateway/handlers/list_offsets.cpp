// ListOffsets: each partition by itself. The protocol has no room for an error's sentence.
#include <fmt/format.h>

#include "gateway/handlers/records.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;

constexpr int64_t latest = -1;
constexpr int64_t earliest = -2;
constexpr int64_t largest_time = -3;
constexpr int16_t first_with_largest_time = 7;
constexpr int32_t no_epoch = -1;

Status check(const std::string& topic, const ListOffsetsRequest::Partition& wanted,
             const RequestContext& context) {
  if (!context.may(Operation::describe, Resource::topic(topic)))
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to see topic {}", printable(topic)));
  if (wanted.current_leader_epoch > only_leader_epoch)
    return fail(ErrorCode::unknown_leader_epoch, "there has been no such leader epoch yet");
  if (wanted.current_leader_epoch < no_epoch)
    return fail(ErrorCode::fenced_leader_epoch, "a negative leader epoch");
  if (wanted.timestamp < (context.api_version < first_with_largest_time ? earliest : largest_time))
    return fail(ErrorCode::invalid_request,
                fmt::format("no meaning is known for timestamp {}", wanted.timestamp));
  return {};
}

Result<FoundOffset> find(const std::string& topic, const ListOffsetsRequest::Partition& wanted,
                         const RequestContext& context) {
  RINGMAIN_TRY(check(topic, wanted, context));
  RecordService& records = context.services.records;
  FoundOffset found;
  switch (wanted.timestamp) {
    case latest: {
      RINGMAIN_TRY_ASSIGN(end, records.end_offset(topic, wanted.partition_index));
      found.offset = end;
      return found;
    }
    case earliest: {
      RINGMAIN_TRY_ASSIGN(first, records.first_offset(topic, wanted.partition_index));
      found.offset = first;
      return found;
    }
    case largest_time:
      return records.offset_of_largest_time(topic, wanted.partition_index);
    default:
      return records.offset_of_time(topic, wanted.partition_index, wanted.timestamp);
  }
}

// Version 0 wants the newest offsets first, as many as there are segments: it gets the one that it
// asked for, and behind the end of the log its start.
void list_old_style(ListOffsetsResponse::Partition& answer, const std::string& topic,
                    const ListOffsetsRequest::Partition& wanted, const RequestContext& context) {
  const int64_t found = std::exchange(answer.offset, -1);
  answer.timestamp = -1;
  if (answer.error_code != 0 || found < 0) return;
  if (wanted.max_num_offsets > 0) answer.old_style_offsets.push_back(found);
  if (wanted.timestamp != latest || wanted.max_num_offsets < 2) return;
  const auto first = context.services.records.first_offset(topic, wanted.partition_index);
  if (first && *first < found) answer.old_style_offsets.push_back(*first);
}

}  // namespace

ListOffsetsResponse list_offsets(const ListOffsetsRequest& request, RequestContext& context) {
  ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& topic_answer = response.topics.emplace_back();
    topic_answer.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      auto& answer = topic_answer.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      if (const auto found = find(topic.name, wanted, context)) {
        answer.offset = found->offset;
        answer.timestamp = found->timestamp_ms;
        if (found->offset >= 0 && context.api_version >= 4) answer.leader_epoch = only_leader_epoch;
      } else {
        set_error(answer, ListOffsetsResponse::api_key, found.error());
      }
      if (context.api_version == 0) list_old_style(answer, topic.name, wanted, context);
    }
  }
  return response;
}

}  // namespace ringmain::gateway
