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

struct TimeOnDisk {
  std::optional<ColdReader::Timed> found;
  std::uint64_t searched_to = 0;  // no record below it is of that time, or later
};

// Looks through what is on disk and no longer in memory, file by file; segments whose heads say that
// all of it is older are passed over. Nothing of a memory topic. Throws Exception.
inline TimeOnDisk find_time_on_disk(const PartitionReader& reader, std::int64_t timestamp_ms) {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  const std::int64_t time_ns = std::clamp(timestamp_ms, INT64_MIN / kNsPerMs, INT64_MAX / kNsPerMs) * kNsPerMs;
  TimeOnDisk result;
  if (!reader.is_persistent()) return result;
  for (int misses = 0;;) {  // each turn goes on behind a file, or misses one
    result.searched_to = std::max(result.searched_to, reader.cold().start_offset());
    if (result.searched_to >= reader.oldest_in_memory()) return result;
    const auto file = reader.cold().open_at(result.searched_to);
    if (!file) {  // retention, or the log in memory, may have moved meanwhile
      if (file.error().code != ErrorCode::offset_out_of_range || ++misses == 3) throw Exception(file.error());
      continue;
    }
    misses = 0;
    const auto found = (*file)->find_time(time_ns, result.searched_to);
    if (!found) throw Exception(found.error());
    if (*found) {
      result.found = *found;
      return result;
    }
    result.searched_to = (*file)->end_offset();
  }
}

// Stands where every record before it is older than the time, provided that timestamps run
// backwards by no more than kTimestampDisorderMs.
// `searched_to`: of what find_time_on_disk() says; a memory topic is searched from its start.
inline void seek_before_time(PartitionReader& reader, std::int64_t timestamp_ms,
                             std::uint64_t searched_to) {
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
  if (start && reader.seek(*start)) return;
  if (!reader.is_persistent() || !reader.seek(static_cast<std::int64_t>(searched_to)))
    reader.seek_start();
}

}  // namespace ringmain::client
