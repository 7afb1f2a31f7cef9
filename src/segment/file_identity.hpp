// Which log file an index belongs to, and places in it. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "format/log_file.hpp"

namespace ringmain::segment {

using TopicId = std::array<std::uint8_t, 16>;

struct FileIdentity {
  TopicId topic_id{};
  std::uint32_t partition = 0;
  std::uint64_t file_tag = 0;
  std::uint64_t base_offset = 0;  // of the file's first segment
  std::uint64_t slot_bytes = 0;

  std::uint32_t slot_units() const noexcept {
    return static_cast<std::uint32_t>(slot_bytes / format::kFrameAlignment);
  }
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

inline TopicId topic_id_of(const format::LogFileHead& head) noexcept {
  TopicId id;
  std::memcpy(id.data(), head.topic_id, id.size());
  return id;
}

// Of the file that begins with this head.
inline FileIdentity identity_of(const format::LogFileHead& first) noexcept {
  return {topic_id_of(first), first.partition, first.file_tag, first.base_offset, first.slot_bytes};
}

// A place in a log file: a frame that begins with `offset` stands there.
struct FilePlace {
  std::uint32_t segment_index = 0;                 // of the segment in the file
  std::uint32_t units = format::kFirstFrameUnits;  // from the segment's start
  std::uint64_t offset = 0;
  friend bool operator==(const FilePlace&, const FilePlace&) = default;
};

}  // namespace ringmain::segment
