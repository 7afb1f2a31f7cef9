// Reading a finished file, and writing the one in its place.
#include "storage/compaction_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "os/fault.hpp"
#include "segment/head.hpp"
#include "segment/head_run.hpp"

namespace ringmain::storage {
namespace {

using segment::FileKind;

constexpr std::array kKinds{FileKind::log, FileKind::offset_index, FileKind::time_index};

std::uint64_t whole_blocks(std::uint64_t bytes) noexcept {
  return (bytes + os::disk_block_bytes - 1) / os::disk_block_bytes * os::disk_block_bytes;
}

std::uint64_t start_of(const format::LogFileHead& head) noexcept {
  return head.index_in_file * head.slot_bytes;
}

Status check_heads(const std::vector<format::LogFileHead>& heads, const StoreOwner& owner,
                   const LogFileEntry& entry) {
  const auto& first = heads.front();
  if (segment::topic_id_of(first) != owner.topic_id || first.partition != owner.partition ||
      first.base_offset != entry.base_offset)
    return fail(
        ErrorCode::kafka_storage_error,
        fmt::format("log file {}: its head names another partition or offset than {} at {}: "
                    "files were mixed up; move it back to where it belongs",
                    entry.path, owner.name, entry.base_offset));
  const auto& last = heads.back();
  // Segments that lost their heads look like the end of the run: they would be left behind.
  if (segment::is_complete(last) && segment::proved_end_offset(last) != entry.end_offset)
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("log file {}: its segments end at offset {}, and records up to {} were "
                            "durable: the partition is not compacted; fetch the file from a "
                            "replica or a backup, or skip what is damaged with `ringmain log repair`",
                            entry.path, segment::proved_end_offset(last), entry.end_offset));
  return {};
}

}  // namespace

std::uint64_t occupied_bytes(const format::LogFileHead& head) noexcept {
  return whole_blocks(std::uint64_t{head.proved_units} * format::kFrameAlignment);
}

Result<CompactionSource> CompactionSource::open(os::Disk& disk, const StoreOwner& owner,
                                                const LogFileEntry& entry) {
  RINGMAIN_TRY_ASSIGN(file, disk.open(entry.path, os::DiskOpen::read));
  RINGMAIN_TRY_ASSIGN(size_bytes, file->size_bytes());
  const auto read = [&](std::uint64_t at, std::span<std::byte> into) -> Result<std::size_t> {
    const std::size_t count =
        std::min<std::uint64_t>(into.size(), size_bytes - std::min(at, size_bytes));
    RINGMAIN_TRY(file->read(at, into.first(count)));
    return count;
  };
  segment::HeadRun run = segment::read_run(size_bytes, read, entry.path);
  if (run.fault != segment::RunFault::none) return tl::make_unexpected(std::move(run.error));
  RINGMAIN_TRY(check_heads(run.heads, owner, entry));
  return CompactionSource(std::move(file), size_bytes, std::move(run.heads));
}

std::uint64_t CompactionSource::readable_bytes(std::size_t index) const noexcept {
  const format::LogFileHead& head = heads_[index];
  if (segment::is_complete(head)) return std::uint64_t{head.proved_units} * format::kFrameAlignment;
  return std::min(head.slot_bytes, size_bytes_ - start_of(head));  // read_run(): the head is within
}

Result<SegmentImage> CompactionSource::read(std::size_t index,
                                            std::vector<std::byte>& buffer) const {
  buffer.resize(readable_bytes(index));
  RINGMAIN_TRY(file_->read(start_of(heads_[index]), buffer));
  return SegmentImage{heads_[index], buffer};
}

Result<CompactionDraft> CompactionDraft::create(os::Disk& disk, const StoreOwner& owner,
                                                const segment::FileIdentity& identity,
                                                std::uint32_t index_interval_bytes) {
  CompactionDraft draft(disk, owner, identity, index_interval_bytes);
  for (const FileKind kind : kKinds)
    static_cast<void>(disk.remove(draft.path(kind, true)));  // of an earlier try that died
  RINGMAIN_TRY_ASSIGN(file, disk.create(draft.path(FileKind::log, true)));
  draft.file_ = std::move(file);
  return draft;
}

CompactionDraft::~CompactionDraft() {
  if (!file_ || finished_) return;
  for (const FileKind kind : kKinds) static_cast<void>(disk_->remove(path(kind, true)));
}

std::string CompactionDraft::path(FileKind kind, bool unfinished) const {
  return folder_ + "/" + segment::file_name({base_offset_, kind, unfinished});
}

Status CompactionDraft::write_segment(const format::LogFileHead& head,
                                      std::span<const std::byte> bytes) {
  os::fault_point("compaction.segment");
  occupied_bytes_ += whole_blocks(bytes.size());
  return file_->write(start_of(head), bytes);
}

Status CompactionDraft::write_index(FileKind kind, const std::vector<std::byte>& bytes) {
  RINGMAIN_TRY_ASSIGN(file, disk_->create(path(kind, true)));
  RINGMAIN_TRY(file->write(0, bytes));
  return file->sync();
}

Status CompactionDraft::commit() {
  RINGMAIN_TRY(file_->sync());
  index_.finish();
  RINGMAIN_TRY(write_index(FileKind::offset_index, index_.offsets().encode()));
  RINGMAIN_TRY(write_index(FileKind::time_index, index_.times().encode()));
  os::fault_point("compaction.drafted");
  RINGMAIN_TRY(disk_->rename(path(FileKind::log, true), path(FileKind::log, false)));
  took_over_ = true;
  os::fault_point("compaction.log_renamed");
  for (const FileKind kind : {FileKind::offset_index, FileKind::time_index})
    RINGMAIN_TRY(disk_->rename(path(kind, true), path(kind, false)));
  os::fault_point("compaction.renamed");
  RINGMAIN_TRY(disk_->sync_directory(folder_));
  finished_ = true;
  return {};
}

}  // namespace ringmain::storage
