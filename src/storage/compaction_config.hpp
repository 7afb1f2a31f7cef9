// What compaction is told of its topic. Values are checked by whoever parses them.
#pragma once

#include <cstdint>
#include <limits>

#include "segment/index_builder.hpp"

namespace ringmain::storage {

struct CompactionConfig {
  double min_dirty_ratio = 0.5;                                        // min.cleanable.dirty.ratio
  std::int64_t min_lag_ms = 0;                                         // min.compaction.lag.ms
  std::int64_t max_lag_ms = std::numeric_limits<std::int64_t>::max();  // max.compaction.lag.ms
  std::int64_t delete_retention_ms = 24ll * 3600 * 1000;               // delete.retention.ms
  // log.cleaner.dedupe.buffer.size, of one partition at a time. A round takes less if it has fewer
  // records, and at least what one segment needs, so that every round gets on.
  std::uint64_t map_bytes = 16ull << 20;
  std::uint32_t index_interval_bytes = segment::kDefaultIndexIntervalBytes;  // index.interval.bytes
};

}  // namespace ringmain::storage
