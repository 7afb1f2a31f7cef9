// OffsetCommit: partitions that are not there are refused here, the others by the group's
// coordinator.
#include "kafka/generated/offset_commit.hpp"

#include <memory>
#include <utility>

#include "gateway/handlers/partition_answer.hpp"

namespace ringmain::gateway {

Result<net::Reply> offset_commit(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context) {
  body.limit_items(group_items_max);
  RINGMAIN_TRY_ASSIGN(request, kafka::OffsetCommitRequest::decode(body, header.api_version));
  coordination::CommitRequest wanted{
      std::move(request.group_id),
      {std::move(request.member_id), std::move(request.group_instance_id)},
      request.generation_id,
      {},
      {}};
  if (request.retention_time_ms >= 0) wanted.retention_ms = request.retention_time_ms;
  const auto answer = std::make_shared<PartitionAnswer<kafka::OffsetCommitResponse>>();
  answer->go_through(request.topics, context, [&](const coordination::TopicPartition& partition, const auto& part) {
    wanted.offsets.push_back(
        {partition, part.committed_offset, part.committed_leader_epoch, part.committed_metadata.value_or("")});
  });
  if (wanted.offsets.empty()) return reply_with(answer->response, header);
  const Later later;
  context.services.groups->commit(caller_of(header, context), wanted,
                                  [later, answer, header](const coordination::CommitReply& reply) {
                                    answer->fill(reply.partitions);
                                    later.send(reply_with(answer->response, header));
                                  });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
