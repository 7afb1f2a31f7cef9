// Where to begin the search for the first record at or after a time, so that it need not go
// through all of the log. One thread: the reader's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "client/partition_reader.hpp"

namespace ringmain::client {

// Producers have clocks of their own, and a record may be published after one that was stamped
// later. Segments whose first records are older than the time by no more than this are searched,
// too.
inline constexpr std::int64_t kTimestampDisorderMs = 60'000;

// The time of the first record that a segment holds. The reader then stands behind it. No value if
// the log has dropped the segment meanwhile, or holds no record there. Throws as PartitionReader.
inline std::optional<std::int64_t> first_time_ms(PartitionReader& reader, std::uint64_t segment) {
  const auto& view = reader.attachment().view();
  const auto slot = view.find(segment);
  if (!slot) return std::nullopt;
  // Not pinned yet, so this may be a later segment's offset already: the reader finds out.
  const std::uint64_t base = view.segment_in(*slot).base_offset.load(std::memory_order_acquire);
  if (base > static_cast<std::uint64_t>(INT64_MAX) || !reader.seek(static_cast<std::int64_t>(base)))
    return std::nullopt;
  if (!reader.next() || reader.log().segment() != segment) return std::nullopt;
  ConsumerRecord record;
  reader.fill(record);
  return record.timestamp_ns / 1'000'000;
}

// Stands where every record before it is older than the time, provided that timestamps run
// backwards by no more than kTimestampDisorderMs.
inline void seek_before_time(PartitionReader& reader, std::int64_t timestamp_ms) {
  const std::int64_t early_ms =
      std::max(timestamp_ms, INT64_MIN + kTimestampDisorderMs) - kTimestampDisorderMs;
  const auto& control = reader.attachment().view().control();
  std::uint64_t from = control.log_start.load(std::memory_order_acquire);
  std::uint64_t to = control.active.load(std::memory_order_acquire);
  std::optional<std::int64_t>
      start;  // offset of the first record of `from`, once that is known to be early enough
  while (from < to && to != format::kNoSegment) {  // halves what is between
    const std::uint64_t middle = to - (to - from) / 2;
    const auto time_ms = first_time_ms(reader, middle);
    if (time_ms && *time_ms < early_ms) {
      from = middle;
      start = reader.position() - 1;
    } else {
      to = middle - 1;
    }
  }
  if (!start || !reader.seek(*start)) reader.seek_start();
}

}  // namespace ringmain::client
