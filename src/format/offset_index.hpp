// The offset index of a log file: where the frames are that hold certain offsets.
// Contract: docs/formats/offset-index.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ringmain::format {

inline constexpr std::uint64_t kOffsetIndexMagic = 0x3130584449464f52;  // "ROFIDX01"
inline constexpr std::uint64_t kTimeIndexMagic = 0x3130584449495452;    // "RTIIDX01"
inline constexpr std::uint32_t kIndexVersion = 1;

// Both indexes begin with it.
struct IndexHead {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t crc32c;  // of the whole file but itself
  std::uint8_t topic_id[16];
  std::uint32_t partition;
  std::uint32_t entry_count;
  std::uint64_t file_tag;     // of the log file that it belongs to
  std::uint64_t base_offset;  // likewise
  std::uint64_t slot_bytes;   // likewise
};
static_assert(sizeof(IndexHead) == 64);
static_assert(std::has_unique_object_representations_v<IndexHead>);
static_assert(offsetof(IndexHead, version) == 8);
static_assert(offsetof(IndexHead, crc32c) == 12);
static_assert(offsetof(IndexHead, topic_id) == 16);
static_assert(offsetof(IndexHead, partition) == 32);
static_assert(offsetof(IndexHead, entry_count) == 36);
static_assert(offsetof(IndexHead, file_tag) == 40);
static_assert(offsetof(IndexHead, base_offset) == 48);
static_assert(offsetof(IndexHead, slot_bytes) == 56);

// Both fields grow from entry to entry.
struct OffsetIndexEntry {
  std::uint32_t relative_offset;  // first offset of a frame, less the file's base offset
  std::uint32_t file_units;       // where it starts: segment index * units of a slot + units
};
static_assert(sizeof(OffsetIndexEntry) == 8);
static_assert(std::has_unique_object_representations_v<OffsetIndexEntry>);
static_assert(offsetof(OffsetIndexEntry, file_units) == 4);

}  // namespace ringmain::format
