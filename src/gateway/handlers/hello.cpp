// Hello: a local client introduces itself; the doorbells' descriptor goes back.
#include "gateway/handlers/local.hpp"
#include "gateway/handlers/local_only.hpp"

namespace ringmain::gateway {

kafka::HelloResponse hello(const kafka::HelloRequest& request, RequestContext& context) {
  if (!is_local(context)) return refused_to_remote<kafka::HelloResponse>();
  auto answer = context.services.attach.hello(context.connection, request);
  context.reply_fds = std::move(answer.fds);
  return std::move(answer.response);
}

}  // namespace ringmain::gateway
