// SyncGroup: the answer comes when the leader's assignment is in the log.
#include "kafka/generated/sync_group.hpp"

#include <utility>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

Result<net::Reply> sync_group(kafka::Reader& body, const kafka::RequestHeader& header,
                              RequestContext& context) {
  body.limit_items(group_items_max);
  RINGMAIN_TRY_ASSIGN(request, kafka::SyncGroupRequest::decode(body, header.api_version));
  coordination::SyncRequest wanted{
      std::move(request.group_id),
      {std::move(request.member_id), std::move(request.group_instance_id)},
      request.generation_id,
      std::move(request.protocol_type),
      std::move(request.protocol_name)};
  for (auto& one : request.assignments)
    wanted.assignments.emplace_back(std::move(one.member_id), std::move(one.assignment));
  const Later later;
  context.services.groups->sync(caller_of(header, context), std::move(wanted),
                                [later, header](const coordination::SyncReply& reply) {
                                  kafka::SyncGroupResponse response;
                                  response.error_code = to_wire(reply.error);
                                  response.protocol_type = reply.protocol_type;
                                  response.protocol_name = reply.protocol;
                                  response.assignment = reply.assignment;
                                  later.send(reply_with(response, header));
                                });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
