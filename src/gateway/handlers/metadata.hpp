// Metadata: its handler's declaration.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::gateway {

kafka::MetadataResponse metadata(const kafka::MetadataRequest& request, RequestContext& context);

}  // namespace ringmain::gateway
