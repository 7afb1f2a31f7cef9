// FindCoordinator: its handler's declaration.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/find_coordinator.hpp"

namespace ringmain::gateway {

kafka::FindCoordinatorResponse find_coordinator(const kafka::FindCoordinatorRequest& request,
                                                RequestContext& context);

}  // namespace ringmain::gateway
