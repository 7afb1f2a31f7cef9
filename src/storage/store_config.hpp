// What a partition's store on disk is told of its topic. Values are checked by whoever parses them.
#pragma once

#include <cstdint>
#include <string>

#include "segment/file_identity.hpp"

namespace ringmain::storage {

struct StoreConfig {
  std::uint64_t slot_bytes = 0;                    // of the partition's segments
  std::uint64_t file_bytes = 1ull << 30;           // segment.bytes: of a log file, at least one segment
  std::int64_t file_ms = 7ll * 24 * 3600 * 1000;   // segment.ms: a file takes no new segment after that
  std::uint32_t index_interval_bytes = 4096;       // index.interval.bytes
  std::int64_t flush_ms = 10;                      // flush.ms: the longest that records wait to be written
  std::uint64_t flush_messages = UINT64_MAX;       // flush.messages: or so many of them

  std::uint32_t segments_per_file() const noexcept {
    return file_bytes > slot_bytes ? static_cast<std::uint32_t>(file_bytes / slot_bytes) : 1;
  }
};

// Whose log it is, and where it lies.
struct StoreOwner {
  segment::TopicId topic_id{};
  std::uint32_t partition = 0;
  std::string name;    // "topic-0", for messages
  std::string folder;  // of its files
};

}  // namespace ringmain::storage
