// A drawing of latencies by percentile, as SVG.
#pragma once

#include <string>

#include "metrics/histogram.hpp"

namespace ringmain::tools {

struct Curve {
  std::string name;
  const metrics::Histogram& histogram;
};

// Latency in ns on a logarithmic axis, against the share of records on one that stretches the
// rare ones: 0 %, 90 %, 99 %, 99.9 %, ... stand equally far apart.
struct PlotText {
  std::string title;
  std::string what;     // how it was measured
  std::string machine;  // and where
};
std::string plot_latency(const PlotText& text, const Curve& measured, const Curve& limit);

}  // namespace ringmain::tools
