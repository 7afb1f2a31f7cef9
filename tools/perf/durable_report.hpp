// What `perf durable` reports, of what its measurements gave.
#pragma once

#include <string>
#include <vector>

#include "perf/durable_latency.hpp"
#include "perf/durable_plan.hpp"
#include "perf/durable_publish.hpp"
#include "perf/durable_throughput.hpp"
#include "perf/report.hpp"

namespace ringmain::tools {

// Where the whole distribution of a latency goes; empty: nowhere.
struct DistributionFiles {
  std::string histogram_path;
  std::string plot_path;
};

// Without figures yet. `folder` is on the disk that is measured.
PerfReport durable_report(const DurablePlan& plan, const std::string& folder);
void add_latency(PerfReport& report, const DistributionFiles& files,
                 const std::vector<DurableLatencyRun>& runs);
void add_throughput(PerfReport& report, const DurablePlan& plan,
                    const std::vector<DurableThroughputRun>& runs);

PerfReport publish_report(const DurablePlan& plan, const std::string& folder,
                          const DistributionFiles& files, const std::vector<PublishRun>& runs);

}  // namespace ringmain::tools
