// What publishing costs while the persister writes the topic to disk, beside the same on a topic in
// memory: the same thread, at the same pace, in short turns.
#pragma once

#include <memory>
#include <vector>

#include "metrics/histogram.hpp"
#include "perf/durable_plan.hpp"

namespace ringmain::tools {

struct PublishRun {
  std::unique_ptr<metrics::Histogram> disk_ns = std::make_unique<metrics::Histogram>();
  std::unique_ptr<metrics::Histogram> memory_ns = std::make_unique<metrics::Histogram>();
  double broker_cpu_disk = 0;    // of one core, while it wrote
  double broker_cpu_memory = 0;  // while it had the topic in memory alone
};

std::vector<PublishRun> measure_publish(const DurablePlan& plan, const Surroundings& around);

}  // namespace ringmain::tools
