// The sticky assignors: balanced, with as few moves as that allows.
#pragma once

#include <vector>

#include "client/assignor.hpp"

namespace ringmain::client {

// `members` in the order that all clients agree on. Members with equal subscriptions get numbers of
// partitions that differ by one at most; otherwise no single move would make it more even.
Assignments assign_sticky(Assignor assignor, const std::vector<const GroupMember*>& members,
                          const PartitionCounts& partitions);

}  // namespace ringmain::client
