// Histograms to text.
#include "metrics/histogram_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ringmain::metrics {

std::string to_text(const Histogram& histogram, std::string_view value_name) {
  std::string text = fmt::format("# {} count cumulative\n", value_name);
  const uint64_t total = histogram.count();
  uint64_t seen = 0;
  for (size_t i = 0; i < Histogram::buckets; ++i) {
    const Histogram::Bucket bucket = histogram.bucket(i);
    if (bucket.count == 0) continue;
    seen += bucket.count;
    fmt::format_to(std::back_inserter(text), "{} {} {:.9f}\n",
                   std::min(bucket.largest, histogram.max()), bucket.count,
                   static_cast<double>(std::min(seen, total)) / static_cast<double>(total));
  }
  return text;
}

}  // namespace ringmain::metrics
