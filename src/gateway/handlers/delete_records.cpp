// DeleteRecords: each partition by itself. The protocol has no room for an error's sentence.
#include <fmt/format.h>


#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DeleteRecordsRequest;
using kafka::DeleteRecordsResponse;

constexpr int64_t to_the_end = -1;

Result<int64_t> trim_one(const std::string& topic, const DeleteRecordsRequest::Partition& wanted,
                         const RequestContext& context) {
  if (!context.may(Operation::remove, Resource::topic(topic))) {
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to delete records of topic {}", printable(topic)));
  }
  if (wanted.offset < to_the_end) {
    return fail(ErrorCode::offset_out_of_range, "an offset is 0 or more; -1 means the end of the log");
  }
  const auto offset = wanted.offset == to_the_end ? std::nullopt : std::optional(wanted.offset);
  return context.services.topics.trim(topic, wanted.partition_index, offset);
}

DeleteRecordsResponse::Partition answer_for(int32_t partition, const Result<int64_t>& done) {
  DeleteRecordsResponse::Partition answer;
  answer.partition_index = partition;
  answer.low_watermark = done ? *done : -1;
  if (!done) set_error(answer, DeleteRecordsResponse::api_key, done.error());
  return answer;
}

}  // namespace

DeleteRecordsResponse delete_records(const DeleteRecordsRequest& request, RequestContext& context) {
  DeleteRecordsResponse response;
  for (const auto& topic : request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (const auto& partition : topic.partitions) {
      answer.partitions.push_back(
          answer_for(partition.partition_index, trim_one(topic.name, partition, context)));
    }
  }
  return response;
}

}  // namespace ringmain::gateway
