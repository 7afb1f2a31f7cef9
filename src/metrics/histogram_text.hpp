// A histogram as text, for files and plots: one line for each bucket that is not empty.
#pragma once

#include <string>
#include <string_view>

#include "metrics/histogram.hpp"

namespace ringmain::metrics {

// "# value_ns count cumulative", then lines of: the bucket's largest value, its count, and the
// share of all records up to and with it, from 0 to 1.
std::string to_text(const Histogram& histogram, std::string_view value_name);

}  // namespace ringmain::metrics
