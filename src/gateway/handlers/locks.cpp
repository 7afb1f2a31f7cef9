// Locks: who holds what, for an operator.
#include "gateway/handlers/local.hpp"
#include "gateway/handlers/local_only.hpp"

namespace ringmain::gateway {

kafka::LocksResponse locks(const kafka::LocksRequest& request, RequestContext& context) {
  if (!is_local(context)) return refused_to_remote<kafka::LocksResponse>();
  if (!context.may(Operation::describe, Resource::cluster())) {
    return refused<kafka::LocksResponse>(ErrorCode::cluster_authorization_failed,
                                         context.connection.peer() + " may not describe the bus");
  }
  return context.services.attach.locks(context.connection, request);
}

}  // namespace ringmain::gateway
