// LogFile: a local client that may read a topic gets the descriptor of one of its log files.
#include <fmt/format.h>

#include "gateway/handlers/local.hpp"
#include "gateway/handlers/local_only.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

Status check(const kafka::LogFileRequest& request, const RequestContext& context) {
  RINGMAIN_TRY(check_topic_name(request.topic));
  if (!context.may(Operation::read, Resource::topic(request.topic)))
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("{} may not read topic {}", context.connection.peer(), request.topic));
  if (request.partition < 0 || request.offset < 0)
    return fail(ErrorCode::invalid_request,
                fmt::format("partition {} and offset {} must not be negative", request.partition,
                            request.offset));
  return {};
}

}  // namespace

kafka::LogFileResponse log_file(const kafka::LogFileRequest& request, RequestContext& context) {
  if (!is_local(context)) return refused_to_remote<kafka::LogFileResponse>();
  if (const Status checked = check(request, context); !checked)
    return refused<kafka::LogFileResponse>(checked.error().code, checked.error().message);
  auto answer = context.services.attach.log_file(context.connection, request);
  context.reply_fds = std::move(answer.fds);
  return std::move(answer.response);
}

}  // namespace ringmain::gateway
