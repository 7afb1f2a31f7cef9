// From header to handler, and what happens to requests that no handler takes.
#include "gateway/gateway.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "gateway/handlers/api_versions.hpp"
#include "gateway/handlers/handler.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

bool has_version(const Handler& handler, int16_t version) {
  return handler.min_version <= version && version <= handler.max_version;
}

Status check_size(const Handler& handler, const kafka::Reader& body) {
  const size_t size = body.position_bytes() + body.remaining_bytes();
  if (size <= handler.request_max_bytes) return {};
  return fail(ErrorCode::message_too_large, fmt::format("a request of {} bytes; this API takes {}",
                                                        size, handler.request_max_bytes));
}

// Who sent what, for a log line.
std::string describe(const kafka::RequestHeader& header, const Handler* handler) {
  const std::string api =
      handler != nullptr ? handler->name : fmt::format("API key {}", header.api_key);
  return fmt::format("{} version {} from client '{}'", api, header.api_version,
                     printable(header.client_id.value_or("")));
}

}  // namespace

Gateway::Gateway(const Services& services, const GatewayOptions& options, net::Log log)
    : services_(services), options_(options), log_(std::move(log)) {}

net::Reply Gateway::handle(net::Connection& connection, std::span<const std::byte> request) {
  try {
    auto reply = dispatch(connection, request);
    return reply ? std::move(*reply) : refuse(connection, reply.error().message);
  } catch (const std::exception& thrown) {  // no memory, or a fault of our own: this client only
    return refuse(connection, fmt::format("a request failed: {}", thrown.what()));
  }
}

void Gateway::closed(net::Connection& connection) {
  services_.records.closed(connection);
  if (services_.groups != nullptr) services_.groups->closed(connection);
  services_.attach.closed(connection);
}

Result<net::Reply> Gateway::dispatch(net::Connection& connection,
                                     std::span<const std::byte> request) {
  kafka::Reader reader(request);
  RINGMAIN_TRY_ASSIGN(header, kafka::RequestHeader::decode(reader));
  auto reply = serve(connection, header, reader);
  if (reply) return reply;
  return fail(
      reply.error().code,
      fmt::format("{}: {}", describe(header, find_handler(header.api_key)), reply.error().message));
}

Result<net::Reply> Gateway::serve(net::Connection& connection, const kafka::RequestHeader& header,
                                  kafka::Reader& body) {
  const Handler* handler = find_handler(header.api_key);
  RequestContext context{services_, options_, connection, header.api_version};
  if (handler != nullptr && has_version(*handler, header.api_version)) {
    if (handler->needs_groups && services_.groups == nullptr)
      return fail(ErrorCode::unsupported_version, "groups are not served here");
    RINGMAIN_TRY(check_size(*handler, body));
    return handler->serve(body, header, context);
  }
  // The one request whose sender cannot know yet which versions there are.
  if (header.api_key == kafka::ApiVersionsRequest::api_key) {
    return unsupported_api_versions(header, context);
  }
  if (handler == nullptr) return fail(ErrorCode::unsupported_version, "an API that is not served");
  return fail(
      ErrorCode::unsupported_version,
      fmt::format("only versions {} to {} are served", handler->min_version, handler->max_version));
}

net::Reply Gateway::refuse(const net::Connection& connection, const std::string& why) const {
  log_(net::LogLevel::warning,
       fmt::format("{}: closing the connection: {}", connection.peer(), why));
  net::Reply reply;
  reply.close = true;
  return reply;
}

}  // namespace ringmain::gateway
