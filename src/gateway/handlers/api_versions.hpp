// ApiVersions, and its answer to a version that nobody knows.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/api_versions.hpp"

namespace ringmain::gateway {

kafka::ApiVersionsResponse api_versions(const kafka::ApiVersionsRequest& request,
                                        RequestContext& context);

// In version 0, which every client reads: error 35, and the versions to choose from.
Result<net::Reply> unsupported_api_versions(const kafka::RequestHeader& header,
                                            const RequestContext& context);

}  // namespace ringmain::gateway
