// A log file that is being written: its name, its space, its indexes. Persister's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "os/disk.hpp"
#include "segment/index_builder.hpp"
#include "storage/spare_files.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

class OutFile {
 public:
  // A new one, or a spare, durably named; a file of that name that is there is begun anew.
  static Result<std::shared_ptr<OutFile>> create(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                                 std::uint64_t base_offset, SpareFiles& spares);
  // One that an earlier broker began. It gets no indexes: readers do without.
  static std::shared_ptr<OutFile> resume(std::string path, std::uint64_t tag, std::uint64_t base_offset,
                                         std::int64_t created_ms, std::uint32_t begun_segments);

  // Opens it (anew): after a failed write or sync nothing else will do.
  Status open(os::Disk& disk);
  bool is_open() const noexcept { return file_ != nullptr; }
  os::DiskFile& disk_file() const noexcept { return *file_; }

  // Whether the segment that is due gets its place in this file: if there is room, and the file is not too old.
  // An answer stays: what was begun here may have to be written anew after an error, and must not come to lie in
  // two files.
  bool takes(std::uint32_t index, const StoreConfig& config, std::int64_t now_ms) noexcept;

  // Whether all blocks up to there may have been written before: no use to zero them ahead.
  bool is_recycled_to(std::uint64_t bytes) const noexcept { return bytes <= recycled_bytes_; }
  // Space up to there, so that writes do not run out of it; and in a file that grows some more of what it will hold at
  // most: a synced write into a file that has just been given space pays for that, too.
  Status allocate(std::uint64_t to_bytes, std::uint64_t most_bytes);
  void note(std::uint32_t segment_index, const segment::FrameNote& note) {
    if (index_) index_->add(segment_index, note);
  }
  // Writes the indexes. They are of use without being durable: one that is damaged or missing is made anew.
  Status finish(os::Disk& disk, const std::string& folder);

  std::uint64_t tag() const noexcept { return tag_; }
  std::uint64_t base_offset() const noexcept { return base_offset_; }
  std::int64_t created_ms() const noexcept { return created_ms_; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::unique_ptr<os::DiskFile> file_;
  std::string path_;
  std::uint64_t tag_ = 0;
  std::uint64_t base_offset_ = 0;
  std::int64_t created_ms_ = 0;
  std::uint64_t allocated_bytes_ = 0;
  std::uint64_t recycled_bytes_ = 0;
  std::uint32_t begun_segments_ = 0;
  bool closed_ = false;  // takes no further one
  std::optional<segment::IndexBuilder> index_;
};

}  // namespace ringmain::storage
