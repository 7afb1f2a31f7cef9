// How long one record takes until it is on disk, one at a time, beside the raw ways to make one
// block durable. All take short turns, so that what disturbs the disk meets all of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/histogram.hpp"
#include "perf/durable_plan.hpp"

namespace ringmain::tools {

struct NamedHistogram {
  std::string name;
  std::unique_ptr<metrics::Histogram> ns = std::make_unique<metrics::Histogram>();
};

struct DurableLatencyRun {
  NamedHistogram measured{"ringmain"};
  std::vector<NamedHistogram> raw;
};

std::vector<DurableLatencyRun> measure_durable_latency(const DurablePlan& plan,
                                                       const Surroundings& around);

}  // namespace ringmain::tools
