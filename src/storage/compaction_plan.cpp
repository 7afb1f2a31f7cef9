// Planning a round.
#include "storage/compaction_plan.hpp"

#include <algorithm>

namespace ringmain::storage {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

std::int64_t age_ms(std::int64_t time_ns, std::int64_t none, std::int64_t created_ms,
                    std::int64_t now_ms) noexcept {
  const bool tells = time_ns != none && time_ns / kNsPerMs <= now_ms;
  return now_ms - (tells ? time_ns / kNsPerMs : created_ms);
}

}  // namespace

CompactionSegment summarize(const format::LogFileHead& head) noexcept {
  return {head.base_offset,
          head.base_offset + head.proved_count,
          std::uint64_t{head.proved_units} * format::kFrameAlignment,
          head.smallest_ns,
          head.largest_ns,
          static_cast<std::int64_t>(std::min<std::uint64_t>(head.created_ms, INT64_MAX)),
          (head.flags & format::kSegmentComplete) != 0,
          (head.flags & format::kSegmentCleaned) != 0};
}

CompactionPlan plan_compaction(std::span<const CompactionFile> finished,
                               const CompactionConfig& config, std::int64_t now_ms) {
  CompactionPlan plan;
  bool found_dirty = false, overdue = false, too_young = false;
  std::size_t file_count = 0;  // up to the last one with something dirty
  for (std::size_t i = 0; i < finished.size() && !too_young; ++i) {
    plan.largest_slot_bytes = std::max(plan.largest_slot_bytes, finished[i].slot_bytes);
    for (const CompactionSegment& segment : finished[i].segments) {
      if (!segment.is_dirty()) {
        if (segment.cleaned) plan.clean_bytes += segment.bytes;
        continue;
      }
      const std::int64_t age =
          age_ms(segment.largest_ns, format::kNoLargestNs, segment.created_ms, now_ms);
      if (config.min_lag_ms > 0 && age < config.min_lag_ms) {
        too_young = true;
        break;
      }
      if (!found_dirty) plan.dirty_from = segment.base_offset;
      found_dirty = true;
      overdue = overdue || age_ms(segment.smallest_ns, format::kNoSmallestNs, segment.created_ms,
                                  now_ms) > config.max_lag_ms;
      plan.dirty_bytes += segment.bytes;
      plan.dirty_to = segment.end_offset;
      file_count = i + 1;
    }
  }
  const auto all_bytes = static_cast<double>(plan.dirty_bytes + plan.clean_bytes);
  const bool enough = static_cast<double>(plan.dirty_bytes) >= config.min_dirty_ratio * all_bytes;
  if (!found_dirty || !(enough || overdue)) return plan;
  for (const CompactionFile& file : finished.first(file_count))
    plan.files.push_back(file.base_offset);
  return plan;
}

}  // namespace ringmain::storage
