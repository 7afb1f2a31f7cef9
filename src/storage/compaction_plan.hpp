// Which files a round of compaction goes over, and from where to where it has to learn keys. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/log_file.hpp"
#include "storage/compaction_config.hpp"

namespace ringmain::storage {

// What a segment's head says that matters here.
struct CompactionSegment {
  std::uint64_t base_offset = 0;
  std::uint64_t end_offset = 0;  // proved
  std::uint64_t bytes = 0;       // proved
  std::int64_t smallest_ns = format::kNoSmallestNs;
  std::int64_t largest_ns = format::kNoLargestNs;
  std::int64_t created_ms = 0;
  bool complete = false;
  bool cleaned = false;

  // Its records can be learned, and replaced.
  bool is_dirty() const noexcept { return complete && !cleaned; }
};
CompactionSegment summarize(const format::LogFileHead& head) noexcept;

struct CompactionFile {
  std::uint64_t base_offset = 0;
  std::uint64_t slot_bytes = 0;
  std::vector<CompactionSegment> segments;
};

struct CompactionPlan {
  std::vector<std::uint64_t> files;  // base offsets, oldest first; empty: nothing to do
  std::uint64_t dirty_from = 0;      // keys are learned from here
  std::uint64_t dirty_to = 0;        // to here, or to where the map is full
  std::uint64_t dirty_bytes = 0;
  std::uint64_t clean_bytes = 0;
  std::uint64_t largest_slot_bytes = 0;

  bool empty() const noexcept { return files.empty(); }
};

// `finished`: the log's files from the oldest on, without the one that is being written.
//
// Dirty is what was never cleaned, up to the first segment that is younger than
// min.compaction.lag.ms. A round is due when the dirty bytes are at least the given share of all
// up to there, or when something dirty is older than max.compaction.lag.ms. It goes over all files
// from the oldest on: what is dirty replaces records of any of them.
//
// A segment's age is that of its largest timestamp (for the longest lag, of its smallest). One that
// lies in the future says nothing, and the segment counts from when it was made.
CompactionPlan plan_compaction(std::span<const CompactionFile> finished,
                               const CompactionConfig& config, std::int64_t now_ms);

}  // namespace ringmain::storage
