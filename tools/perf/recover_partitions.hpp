// What many partitions cost while nobody uses them: memory, CPU, and the time of a start.
#pragma once

#include <cstdint>
#include <vector>

#include "perf/recover_starts.hpp"

namespace ringmain::tools {

struct PartitionsRun {
  double shm_bytes_each = 0;     // shared memory
  double broker_bytes_each = 0;  // of the broker's own memory
  double cpu_share = 0;          // of one core, while idle
  double start_after_stop_s = 0;
  double start_after_kill_s = 0;
};

// All of them have one record, on disk, and their shared memory stays.
std::vector<PartitionsRun> measure_partitions(const RecoverPlan& plan, int32_t partitions,
                                              const StopSignal& stop, Progress& progress);

}  // namespace ringmain::tools
