// Replicas that an administrator places by hand.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"

namespace ringmain::gateway {

// A list of brokers for one partition, on a cluster of one broker: ErrorCode::
// invalid_replica_assignment unless it is exactly that one.
Status check_placement(const std::vector<int32_t>& broker_ids, int32_t only_broker_id);

}  // namespace ringmain::gateway
