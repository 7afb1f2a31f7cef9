// The APIs that carry records: their handlers' declarations.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/list_offsets.hpp"

namespace ringmain::gateway {

// These two may answer later.
Result<net::Reply> produce(kafka::Reader& body, const kafka::RequestHeader& header,
                           RequestContext& context);
Result<net::Reply> fetch(kafka::Reader& body, const kafka::RequestHeader& header,
                         RequestContext& context);

kafka::ListOffsetsResponse list_offsets(const kafka::ListOffsetsRequest& request,
                                        RequestContext& context);

}  // namespace ringmain::gateway
