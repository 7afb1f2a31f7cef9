// The things that have settings, as requests name them.
#pragma once

#include <cstdint>
#include <string>

#include "gateway/handlers/handler.hpp"

namespace ringmain::gateway {

// Kafka's numbers.
inline constexpr int8_t topic_resource = 2;
inline constexpr int8_t broker_resource = 4;

// invalid_request unless it names this broker.
Status check_is_this_broker(const std::string& name, const RequestContext& context);

tl::unexpected<Error> no_such_resource(int8_t resource_type);

}  // namespace ringmain::gateway
