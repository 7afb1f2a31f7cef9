// ApiVersions: which APIs this connection may use. Answered before any authentication.
#include "gateway/handlers/api_versions.hpp"

namespace ringmain::gateway {
namespace {

using Ranges = std::vector<kafka::ApiVersionsResponse::ApiRange>;

// The private APIs are of no use to a client on another host, and it is not told of them.
Ranges advertised(net::Transport transport) {
  Ranges ranges;
  for (const Handler& handler : all_handlers()) {
    if (kafka::is_private(handler.key) && transport != net::Transport::unix_socket) continue;
    ranges.push_back({handler.key, handler.min_version, handler.max_version});
  }
  return ranges;
}

}  // namespace

kafka::ApiVersionsResponse api_versions(const kafka::ApiVersionsRequest&, RequestContext& context) {
  kafka::ApiVersionsResponse response;
  response.api_keys = advertised(context.connection.transport());
  return response;
}

Result<net::Reply> unsupported_api_versions(const kafka::RequestHeader& header,
                                            const RequestContext& context) {
  kafka::ApiVersionsResponse response;
  response.error_code = static_cast<int16_t>(ErrorCode::unsupported_version);
  response.api_keys = advertised(context.connection.transport());
  kafka::RequestHeader as_version_0 = header;
  as_version_0.api_version = 0;
  RINGMAIN_TRY_ASSIGN(frame, kafka::response_frame(response, as_version_0));
  return net::Reply{std::move(frame)};
}

}  // namespace ringmain::gateway
