// OffsetDelete: partitions that are not there are refused here, the others by the group's
// coordinator.
#include "kafka/generated/offset_delete.hpp"

#include <memory>
#include <utility>

#include "gateway/handlers/partition_answer.hpp"

namespace ringmain::gateway {

Result<net::Reply> offset_delete(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context) {
  body.limit_items(group_items_max);
  RINGMAIN_TRY_ASSIGN(request, kafka::OffsetDeleteRequest::decode(body, header.api_version));
  const auto answer = std::make_shared<PartitionAnswer<kafka::OffsetDeleteResponse>>();
  std::vector<coordination::TopicPartition> wanted;
  answer->go_through(request.topics, context, [&](const coordination::TopicPartition& partition, const auto&) {
    wanted.push_back(partition);
  });
  const Later later;
  context.services.groups->delete_offsets(
      caller_of(header, context), request.group_id, wanted,
      [later, answer, header](const coordination::DeleteOffsetsReply& reply) {
        answer->response.error_code = to_wire(reply.error);
        if (reply.error == coordination::GroupError::none)
          answer->fill(reply.partitions);
        else
          answer->response.topics.clear();
        later.send(reply_with(answer->response, header));
      });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
