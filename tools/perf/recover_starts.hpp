// Starts of a broker over a log that was left in different ways, each timed until the partition
// takes a record, beside a plain read of what the start had to prove.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/durable_plan.hpp"
#include "perf/scratch_bus.hpp"

namespace ringmain::tools {

struct RecoverPlan {
  DurablePlan durable;  // size, window, runs, settings of the topic
  uint64_t log_bytes = 0;
  std::string parent_folder;
  bool keeps_memory = false;
};

struct TimedStart {
  double ready_s = 0;    // until the broker could be connected to
  double serving_s = 0;  // until a client was attached and had appended a record
};

struct StartAndRead {
  TimedStart start;
  double read_s = 0;  // plainly, cold, of what had to be proved
  uint64_t read_bytes = 0;
};

struct RecoverRun {
  TimedStart empty;  // of a log with one record
  StartAndRead after_kill;
  StartAndRead after_stop;
};

struct RecoverResult {
  std::vector<RecoverRun> runs;
  uint64_t log_bytes = 0;  // of all log files
  std::string folder;
};

RecoverResult measure_recover(const RecoverPlan& plan, const StopSignal& stop, Progress& progress);

}  // namespace ringmain::tools
