// How many records a second become durable, beside raw sequential writes of the same group size and
// depth on the same file system: one half of them before each measurement, one after it.
#pragma once

#include <vector>

#include "perf/durable_plan.hpp"

namespace ringmain::tools {

struct DurableThroughputRun {
  double records_per_s = 0;
  // Raw, bytes a second:
  double overwriting = 0;  // each group synced, blocks that were written before
  double fresh = 0;        // each group synced, blocks that are allocated only
  double unsynced = 0;     // blocks that were written before, nothing synced
};

std::vector<DurableThroughputRun> measure_durable_throughput(const DurablePlan& plan,
                                                             const Surroundings& around);

}  // namespace ringmain::tools
