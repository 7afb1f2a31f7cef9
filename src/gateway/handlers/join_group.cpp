// JoinGroup: the answer comes when the group's other members have joined, too.
#include "kafka/generated/join_group.hpp"

#include <utility>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {
namespace {

using coordination::NewMembers;

constexpr int16_t first_with_ids_first = 4;

coordination::JoinRequest translated(kafka::JoinGroupRequest& request, int16_t version) {
  coordination::JoinRequest out{
      std::move(request.group_id),
      {std::move(request.member_id), std::move(request.group_instance_id)}};
  out.new_members =
      version >= first_with_ids_first ? NewMembers::learn_their_id_first : NewMembers::join_at_once;
  out.session_timeout_ms = request.session_timeout_ms;
  out.rebalance_timeout_ms = request.rebalance_timeout_ms;
  out.protocol_type = std::move(request.protocol_type);
  for (auto& protocol : request.protocols)
    out.protocols.push_back({std::move(protocol.name), std::move(protocol.metadata)});
  return out;
}

kafka::JoinGroupResponse translated(const coordination::JoinReply& reply) {
  kafka::JoinGroupResponse response;
  response.error_code = to_wire(reply.error);
  response.generation_id = reply.generation;
  response.protocol_type = reply.protocol_type;
  response.protocol_name = reply.protocol;
  response.leader = reply.leader;
  response.member_id = reply.member;
  for (const auto& member : reply.members)
    response.members.push_back({member.who.member, member.who.instance, member.metadata});
  return response;
}

}  // namespace

Result<net::Reply> join_group(kafka::Reader& body, const kafka::RequestHeader& header,
                              RequestContext& context) {
  body.limit_items(group_items_max);
  RINGMAIN_TRY_ASSIGN(request, kafka::JoinGroupRequest::decode(body, header.api_version));
  const Later later;
  context.services.groups->join(caller_of(header, context), translated(request, header.api_version),
                                [later, header](const coordination::JoinReply& reply) {
                                  later.send(reply_with(translated(reply), header));
                                });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
