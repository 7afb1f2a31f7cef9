// Retention: rules and removal.
#include "storage/retention.hpp"

#include <algorithm>
#include <optional>

#include "os/fault.hpp"
#include "segment/file_name.hpp"

namespace ringmain::storage {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

// When the youngest record of file `index` was written, as far as can be told.
std::optional<std::int64_t> written_ms(const RetentionInput& input, std::size_t index) noexcept {
  const LogFileEntry& file = input.files[index];
  const bool has_times = file.largest_ns != format::kNoLargestNs;
  const std::int64_t largest_ms = file.largest_ns / kNsPerMs;
  if (has_times && largest_ms - kBelievableAheadMs <= input.now_ms) return largest_ms;
  if (!has_times && file.created_ms <= input.now_ms) return file.created_ms;
  for (const LogFileEntry& later : input.files.subspan(index + 1))
    if (later.created_ms <= input.now_ms) return later.created_ms;
  return std::nullopt;
}

Status unless_gone(Status removed) {
  if (!removed && removed.error().code == ErrorCode::not_found) return {};
  return removed;
}

}  // namespace

RetentionDecision decide_retention(const RetentionInput& input,
                                   const RetentionConfig& config) noexcept {
  std::uint64_t bytes = 0;
  for (const LogFileEntry& file : input.files) bytes += file.size_bytes;
  RetentionDecision decision{0, input.log_start_offset};
  while (decision.file_count + 1 < input.files.size()) {
    const LogFileEntry& file = input.files[decision.file_count];
    // Where the next one begins: a file's own end only says how much of it is durable, which may be nothing yet.
    const std::uint64_t end_offset = input.files[decision.file_count + 1].base_offset;
    if (end_offset > input.settled_offset) break;
    const std::uint64_t rest = bytes - file.size_bytes;
    bool goes = end_offset <= input.log_start_offset;
    if (config.retention_bytes >= 0)
      goes = goes || rest >= static_cast<std::uint64_t>(config.retention_bytes);
    if (config.retention_ms >= 0 && !goes) {
      const auto written = written_ms(input, decision.file_count);
      goes = written && *written < input.now_ms - config.retention_ms;
    }
    if (!goes) break;
    bytes = rest;
    ++decision.file_count;
    decision.log_start_offset =
        std::max(decision.log_start_offset, input.files[decision.file_count].base_offset);
  }
  return decision;
}

Result<RetentionReport> remove_oldest(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                      LogFiles& files, std::size_t file_count) {
  RetentionReport report;
  if (file_count == 0) return report;
  // What an earlier call removed and could not make durable comes before what this one removes.
  RINGMAIN_TRY(disk.sync_directory(owner.folder));
  for (std::size_t i = 0; i < file_count; ++i) {
    const auto oldest = files.oldest_to_take();
    if (!oldest) break;  // the last one, or not durable yet
    for (const auto kind : {segment::FileKind::time_index, segment::FileKind::offset_index})
      RINGMAIN_TRY(unless_gone(disk.remove(owner.folder + "/" + segment::file_name({oldest->base_offset, kind, false}))));
    os::fault_point("retention.indexes_gone");
    RINGMAIN_TRY(unless_gone(files.spares().retire(disk, owner, config, oldest->base_offset)));
    os::fault_point("retention.log_gone");
    files.take_oldest();
    ++report.removed_files;
    report.removed_bytes += oldest->size_bytes;
    RINGMAIN_TRY(disk.sync_directory(owner.folder));
  }
  return report;
}

}  // namespace ringmain::storage
