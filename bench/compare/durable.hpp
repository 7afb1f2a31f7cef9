// What a client of a durable log measures: how long one record takes until it is acknowledged, and
// how many a second are, with a window of them on their way. Runs in a process of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "compare/rival.hpp"
#include "metrics/histogram.hpp"

namespace ringmain::bench {

inline constexpr size_t durable_sizes_most = 4;

struct DurablePlan {
  std::vector<size_t> sizes;
  double measure_ns = 1e9;  // about how long each measurement takes
  int core = 0;
};

// Of records that are not acknowledged yet, at the most. As many for everybody: 4,000 is the
// default of NATS's own clients.
inline constexpr uint64_t window_records = 4000, window_bytes = uint64_t{16} << 20;

struct DurableResult {
  metrics::Histogram acknowledged_ns;
  uint64_t throughput_count = 0;
  double records_per_s = 0;
};
struct DurableBoard {
  std::array<DurableResult, durable_sizes_most> results;
};

}  // namespace ringmain::bench
