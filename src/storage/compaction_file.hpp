// The file that compaction reads, and the one that it writes beside it. Blocking; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "os/disk.hpp"
#include "segment/file_name.hpp"
#include "segment/index_builder.hpp"
#include "storage/compaction_segment.hpp"
#include "storage/log_files.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

// What a segment of a rewritten file occupies: whole blocks up to its end; the rest of its stride
// is a hole.
std::uint64_t occupied_bytes(const format::LogFileHead& head) noexcept;

// A finished log file. No byte of it is trusted.
class CompactionSource {
 public:
  // Errors: kafka_storage_error (a head is damaged, of another partition, or does not reach the
  // entry's end), version_mismatch, and the disk's.
  static Result<CompactionSource> open(os::Disk& disk, const StoreOwner& owner,
                                       const LogFileEntry& entry);

  const std::vector<format::LogFileHead>& heads() const noexcept { return heads_; }

  // A segment as far as it is written: to its proved end, or, if it is not complete, to the end of
  // its stride or of the file. The buffer takes the bytes.
  Result<SegmentImage> read(std::size_t index, std::vector<std::byte>& buffer) const;
  std::uint64_t readable_bytes(std::size_t index) const noexcept;

 private:
  CompactionSource(std::unique_ptr<os::DiskFile> file, std::uint64_t size_bytes,
                   std::vector<format::LogFileHead> heads) noexcept
      : file_(std::move(file)), size_bytes_(size_bytes), heads_(std::move(heads)) {}

  std::unique_ptr<os::DiskFile> file_;
  std::uint64_t size_bytes_;
  std::vector<format::LogFileHead> heads_;
};

// The file that takes the source's place, under names that end in ".new" until it is whole.
class CompactionDraft {
 public:
  static Result<CompactionDraft> create(os::Disk& disk, const StoreOwner& owner,
                                        const segment::FileIdentity& identity,
                                        std::uint32_t index_interval_bytes);
  // Removes what was not committed, if the disk lets it.
  ~CompactionDraft();
  CompactionDraft(CompactionDraft&&) noexcept = default;
  CompactionDraft& operator=(CompactionDraft&&) = delete;

  // Of a frame of segment `segment_index`, in the order of the file.
  void index(std::uint32_t segment_index, const segment::FrameNote& note) {
    index_.add(segment_index, note);
  }
  // A segment from its head on, to its end.
  Status write_segment(const format::LogFileHead& head, std::span<const std::byte> bytes);

  // Makes all durable, takes the names of the file before, and makes that durable.
  //   A crash before the log's rename leaves the old file, and drafts of no use; between the
  //   renames the new one with indexes that name the old one's tag, and so are refused and made
  //   anew. After an error from the last step the new file is there (took_over()), and may not
  //   survive a power cut; the old one does then.
  Status commit();
  bool took_over() const noexcept { return took_over_; }

  const segment::TimeRange& times() const noexcept { return index_.range(); }
  std::uint64_t occupied_bytes() const noexcept { return occupied_bytes_; }

 private:
  CompactionDraft(os::Disk& disk, const StoreOwner& owner, const segment::FileIdentity& identity,
                  std::uint32_t index_interval_bytes)
      : disk_(&disk),
        folder_(owner.folder),
        base_offset_(identity.base_offset),
        index_(identity, index_interval_bytes) {}

  std::string path(segment::FileKind kind, bool unfinished) const;
  Status write_index(segment::FileKind kind, const std::vector<std::byte>& bytes);

  os::Disk* disk_;
  std::string folder_;
  std::uint64_t base_offset_;
  segment::IndexBuilder index_;
  std::unique_ptr<os::DiskFile> file_;  // null: moved from
  std::uint64_t occupied_bytes_ = 0;
  bool took_over_ = false;
  bool finished_ = false;
};

}  // namespace ringmain::storage
