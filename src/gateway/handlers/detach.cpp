// Detach: a local client gives back what Attach handed out.
#include "gateway/handlers/local.hpp"
#include "gateway/handlers/local_only.hpp"

namespace ringmain::gateway {

kafka::DetachResponse detach(const kafka::DetachRequest& request, RequestContext& context) {
  if (!is_local(context)) return refused_to_remote<kafka::DetachResponse>();
  return context.services.attach.detach(context.connection, request);
}

}  // namespace ringmain::gateway
