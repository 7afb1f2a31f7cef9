// LeaveGroup: one member up to version 2, any number from 3 on.
#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

using coordination::GroupError;

kafka::LeaveGroupResponse leave_group(const kafka::LeaveGroupRequest& request,
                                      RequestContext& context) {
  constexpr int16_t first_with_many = 3;
  const bool many = context.api_version >= first_with_many;
  coordination::LeaveRequest wanted{request.group_id, {}};
  if (!many) wanted.members.push_back({request.member_id});
  for (const auto& member : request.members)
    wanted.members.push_back({member.member_id, member.group_instance_id});
  const coordination::LeaveReply reply = context.services.groups->leave(wanted);

  kafka::LeaveGroupResponse response;
  response.error_code = to_wire(reply.error);
  if (!many && reply.error == GroupError::none) response.error_code = to_wire(reply.members.at(0));
  if (!many || reply.error != GroupError::none) return response;
  for (size_t i = 0; i < reply.members.size(); ++i)
    response.members.push_back(
        {wanted.members[i].member, wanted.members[i].instance, to_wire(reply.members[i])});
  return response;
}

}  // namespace ringmain::gateway
