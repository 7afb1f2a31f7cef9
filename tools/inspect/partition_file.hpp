// Looks into a partition's shared-memory file without taking part in it: read-only, by pread, so
// that no page is made and none can be missing. Every byte may be wrong; a file in use changes
// meanwhile. Contract of what is read: docs/formats/partition.md, segment.md, frame.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/partition.hpp"
#include "log/partition_view.hpp"
#include "os/fd.hpp"

namespace ringmain::tools {

struct ControlInfo {
  uint64_t active = 0;     // the segment that takes appends
  uint64_t prepared = 0;   // segments below it have a slot
  uint64_t log_start = 0;  // the oldest segment that a reader may enter
  bool is_deleted = false;
  uint32_t waiting_producers = 0;  // for memory
  // Of a persistent topic.
  format::StorageState storage = format::StorageState::none;
  uint64_t durable_offset = 0;  // records below it are on disk
};

struct SegmentInfo {
  enum class Role { retired, full, active, prepared };
  Role role = Role::prepared;
  uint64_t sequence = 0;
  uint32_t slot = 0;
  uint32_t tag = 0;
  std::optional<uint64_t> base_offset;  // none until its turn comes
  std::optional<uint64_t> final_bytes;  // where it ends, once that is known
  std::optional<uint64_t> final_records;
  uint64_t tail_bytes = 0;  // claimed, of a partition with many producers
  uint64_t tail_records = 0;
  uint64_t prepared_bytes = 0;
  uint64_t created_ms = 0;
  uint32_t leader_epoch = 0;
};
const char* storage_name(format::StorageState state) noexcept;  // "healthy"
const char* role_name(SegmentInfo::Role role) noexcept;

struct FrameInfo {
  enum class State {
    published,
    in_progress,  // claimed and marked by its producer, which still writes
    unmarked,     // claimed, but its producer has not even marked it
  };
  State state = State::published;
  uint64_t position = 0;    // in the segment
  uint64_t size_bytes = 0;  // header and body; of a claim: all it has taken
  std::optional<uint64_t> offset;
  // The rest of a published frame only.
  std::string type;  // record, batch, filler
  uint64_t offset_count = 1;
  std::optional<int64_t> timestamp_ns;    // record
  std::optional<uint64_t> key_bytes;      // record with a key
  std::optional<uint64_t> value_bytes;    // record with a value
  std::optional<uint64_t> headers_bytes;  // record with headers
  uint32_t owner = 0;
};
const char* state_name(FrameInfo::State state) noexcept;

class PartitionFile {
 public:
  // Errors: io, permission_denied, corrupt_memory (also for a file that is not a partition's),
  // version_mismatch.
  static Result<PartitionFile> open(const std::string& path);
  // Whether a file begins like a partition's.
  static bool looks_like_one(const std::string& path) noexcept;

  const std::string& path() const noexcept { return path_; }
  const format::PartitionHeader& header() const noexcept { return header_; }

  Result<ControlInfo> control() const;
  // Memory that it takes: slots that were never prepared take none.
  Result<uint64_t> memory_bytes() const;
  // Those that are in a slot, oldest first.
  Result<std::vector<SegmentInfo>> segments(const ControlInfo& control) const;
  // Calls `visit` for each frame, in order, up to the first place where nothing is claimed.
  Status frames(const SegmentInfo& segment,
                const std::function<void(const FrameInfo&)>& visit) const;

 private:
  PartitionFile(std::string path, os::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Status read_at(uint64_t position, std::span<std::byte> bytes) const;
  Result<SegmentInfo> segment_in(uint32_t slot, uint64_t sequence,
                                 const ControlInfo& control) const;
  Result<uint64_t> sequence_in(uint32_t slot) const;
  Status check_complete(const ControlInfo& control, const std::vector<SegmentInfo>& segments) const;
  tl::unexpected<Error> corrupt(const std::string& why) const;

  std::string path_;
  os::UniqueFd fd_;
  format::PartitionHeader header_{};
  log::Geometry geometry_;
};

}  // namespace ringmain::tools
