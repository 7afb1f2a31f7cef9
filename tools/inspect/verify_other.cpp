// Verifies what stands alone: an index, or a partition's shared memory.
#include <fmt/format.h>

#include "inspect/log_file.hpp"
#include "inspect/partition_file.hpp"
#include "inspect/verify.hpp"

namespace ringmain::tools {

Result<VerifyReport> verify_index_alone(const std::string& path) {
  VerifyReport report;
  auto content = read_index(path);
  if (!content) {
    const ErrorCode code = content.error().code;
    if (code != ErrorCode::kafka_storage_error && code != ErrorCode::version_mismatch)
      return tl::make_unexpected(content.error());
    report.damage = Damage{{}, path, 0, without_path(content.error().message, path)};
    return report;
  }
  report.partition = fmt::format("{}-{}", to_hex(content->file.topic_id), content->file.partition);
  report.totals.files = 1;
  report.notes.push_back("its log file was not looked at: the index is sound in itself");
  return report;
}

Result<VerifyReport> verify_partition_memory(const std::string& path, const OnBytes& on_bytes) {
  VerifyReport report;
  const auto damaged = [&](const Error& error) -> Result<VerifyReport> {
    if (error.code != ErrorCode::corrupt_memory && error.code != ErrorCode::version_mismatch)
      return tl::make_unexpected(error);
    report.damage = Damage{{}, path, 0, error.message};
    return report;
  };
  const auto file = PartitionFile::open(path);
  if (!file) return damaged(file.error());
  report.partition =
      fmt::format("{}-{}", to_hex(file->header().topic_id), file->header().partition);
  const auto control = file->control();
  if (!control) return damaged(control.error());
  const auto segments = file->segments(*control);
  if (!segments) return damaged(segments.error());
  for (const SegmentInfo& segment : *segments) {
    const auto frames = file->frames(segment, [&](const FrameInfo& frame) {
      const bool is_published = frame.state == FrameInfo::State::published;
      if (is_published && frame.type != "filler") report.totals.records += frame.offset_count;
      report.totals.bytes += frame.size_bytes;
    });
    if (!frames) {
      auto result = damaged(frames.error());
      if (result) result->damage->offset = segment.base_offset;
      return result;
    }
    ++report.totals.segments;
    on_bytes(segment.prepared_bytes);
  }
  report.totals.files = 1;
  report.notes.push_back("frames in shared memory carry no checksums: only their form was checked");
  return report;
}

}  // namespace ringmain::tools
