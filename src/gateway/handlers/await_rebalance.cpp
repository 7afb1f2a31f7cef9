// AwaitRebalance: a local member's heartbeat, which waits until the group wants something of it.
#include "kafka/generated/await_rebalance.hpp"

#include <utility>

#include "gateway/handlers/groups.hpp"
#include "gateway/handlers/local_only.hpp"

namespace ringmain::gateway {

Result<net::Reply> await_rebalance(kafka::Reader& body, const kafka::RequestHeader& header,
                                   RequestContext& context) {
  RINGMAIN_TRY_ASSIGN(request, kafka::AwaitRebalanceRequest::decode(body, header.api_version));
  // Only a local connection says by its end that a process is gone.
  if (!is_local(context))
    return reply_with(refused_to_remote<kafka::AwaitRebalanceResponse>(), header);
  const Later later;
  context.services.groups->await_rebalance(
      caller_of(header, context),
      {{std::move(request.group_id),
        {std::move(request.member_id), std::move(request.group_instance_id)},
        request.generation_id},
       request.max_wait_ms},
      [later, header](const coordination::HeartbeatReply& reply) {
        kafka::AwaitRebalanceResponse response;
        response.error_code = to_wire(reply.error);
        later.send(reply_with(response, header));
      });
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
