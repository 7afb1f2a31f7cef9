// The rule of a cluster of one.
#include "gateway/handlers/placement.hpp"

#include <fmt/format.h>

namespace ringmain::gateway {

Status check_placement(const std::vector<int32_t>& broker_ids, int32_t only_broker_id) {
  if (broker_ids.size() == 1 && broker_ids.front() == only_broker_id) return {};
  return fail(ErrorCode::invalid_replica_assignment,
              fmt::format("each partition needs the replica list [{}]: there is no other broker",
                          only_broker_id));
}

}  // namespace ringmain::gateway
