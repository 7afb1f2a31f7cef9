// Attach: a local client gets the descriptors of a partition's shared memory, read-write to
// produce and read-only to consume, if it may.
#include <fmt/format.h>

#include "gateway/handlers/local.hpp"
#include "gateway/handlers/local_only.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

Result<Operation> operation_of(int8_t role) {
  switch (static_cast<AttachRole>(role)) {
    case AttachRole::consumer:
    case AttachRole::observer:
      return Operation::read;
    case AttachRole::producer:
    case AttachRole::exclusive_producer:
      return Operation::write;
  }
  return fail(ErrorCode::invalid_request,
              fmt::format("{} is no role: 0 consumes, 1 produces, 2 produces alone, 3 observes", role));
}

Status check(const kafka::AttachRequest& request, const RequestContext& context) {
  RINGMAIN_TRY_ASSIGN(operation, operation_of(request.role));
  RINGMAIN_TRY(check_topic_name(request.topic));
  if (operation == Operation::write) RINGMAIN_TRY(check_client_may_write(request.topic));
  if (!context.may(operation, Resource::topic(request.topic))) {
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("{} may not {} topic {}", context.connection.peer(),
                            operation == Operation::read ? "read" : "write", request.topic));
  }
  return {};
}

}  // namespace

kafka::AttachResponse attach(const kafka::AttachRequest& request, RequestContext& context) {
  if (!is_local(context)) return refused_to_remote<kafka::AttachResponse>();
  if (const Status checked = check(request, context); !checked) {
    return refused<kafka::AttachResponse>(checked.error().code, checked.error().message);
  }
  auto answer = context.services.attach.attach(context.connection, request);
  context.reply_fds = std::move(answer.fds);
  return std::move(answer.response);
}

}  // namespace ringmain::gateway
