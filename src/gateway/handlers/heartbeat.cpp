// Heartbeat.
#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

kafka::HeartbeatResponse heartbeat(const kafka::HeartbeatRequest& request,
                                   RequestContext& context) {
  kafka::HeartbeatResponse response;
  response.error_code = to_wire(context.services.groups->heartbeat(
      {request.group_id, {request.member_id, request.group_instance_id}, request.generation_id}));
  return response;
}

}  // namespace ringmain::gateway
