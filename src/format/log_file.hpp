// The head of a segment on disk: its identity as in shared memory, and what is proved of it.
// Contract: docs/formats/log-file.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "format/segment.hpp"

namespace ringmain::format {

inline constexpr std::uint32_t kLogFileVersion = 1;

// Flags of a head.
inline constexpr std::uint32_t kSegmentComplete = 1;  // full: no frame follows `proved_units` in it
inline constexpr std::uint32_t kSegmentCleaned = 2;   // compaction has been over it
inline constexpr std::uint32_t kKnownHeadFlags = 3;

// Smallest and largest timestamp of no record at all.
inline constexpr std::int64_t kNoSmallestNs = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kNoLargestNs = std::numeric_limits<std::int64_t>::min();

// Magic, version and checksum keep their places in every version, so that a newer file can be
// told from a damaged one.
struct LogFileHead {
  // As in shared memory: format/segment.hpp.
  std::uint64_t magic;
  std::uint8_t topic_id[16];
  std::uint32_t partition;
  std::uint32_t tag;
  std::uint64_t sequence;
  std::uint64_t created_ms;
  std::uint32_t leader_epoch;
  std::uint32_t identity_crc32c;  // of bytes [0, 52)
  std::uint8_t reserved0[8];      // zero

  // The proof, in the place of the words of shared memory.
  std::uint32_t version;
  std::uint32_t head_crc32c;  // of all 256 bytes but itself
  std::uint64_t file_tag;    // random; the same in all heads of a file, another when it is recycled
  std::uint64_t slot_bytes;  // the stride: where the file's next segment starts
  std::uint64_t base_offset;    // of the segment's first record
  std::uint32_t index_in_file;  // segment at index_in_file * slot_bytes
  std::uint32_t flags;
  std::uint32_t proved_units;  // everything below was durable when this was written
  std::uint32_t proved_count;  // offsets below proved_units
  std::int64_t smallest_ns;    // record timestamps below proved_units; smallest > largest: none
  std::int64_t largest_ns;
  std::int64_t cleaned_ms;      // when compaction was over it first, ms since 1970; 0 without kSegmentCleaned
  std::uint8_t reserved1[120];  // zero
};
static_assert(sizeof(LogFileHead) == kSegmentHeaderBytes);
static_assert(std::has_unique_object_representations_v<LogFileHead>);  // no padding
static_assert(offsetof(LogFileHead, magic) == offsetof(SegmentHeader, magic));
static_assert(offsetof(LogFileHead, topic_id) == offsetof(SegmentHeader, topic_id));
static_assert(offsetof(LogFileHead, partition) == offsetof(SegmentHeader, partition));
static_assert(offsetof(LogFileHead, tag) == offsetof(SegmentHeader, tag));
static_assert(offsetof(LogFileHead, sequence) == offsetof(SegmentHeader, sequence));
static_assert(offsetof(LogFileHead, created_ms) == offsetof(SegmentHeader, created_ms));
static_assert(offsetof(LogFileHead, leader_epoch) == offsetof(SegmentHeader, leader_epoch));
static_assert(offsetof(LogFileHead, identity_crc32c) == kSegmentCrcBytes);
static_assert(offsetof(LogFileHead, version) == offsetof(SegmentHeader, tail));
static_assert(offsetof(LogFileHead, head_crc32c) == 68);
static_assert(offsetof(LogFileHead, file_tag) == 72);
static_assert(offsetof(LogFileHead, slot_bytes) == 80);
static_assert(offsetof(LogFileHead, base_offset) == 88);
static_assert(offsetof(LogFileHead, index_in_file) == 96);
static_assert(offsetof(LogFileHead, flags) == 100);
static_assert(offsetof(LogFileHead, proved_units) == 104);
static_assert(offsetof(LogFileHead, proved_count) == 108);
static_assert(offsetof(LogFileHead, smallest_ns) == 112);
static_assert(offsetof(LogFileHead, largest_ns) == 120);
static_assert(offsetof(LogFileHead, cleaned_ms) == 128);
// A device writes sectors whole, so a head that is overwritten is the old or the new one.
inline constexpr std::uint32_t kSectorBytes = 512;
static_assert(sizeof(LogFileHead) <= kSectorBytes && kMinSlotBytes % kSectorBytes == 0);

// Units from the start of a segment to its first frame.
inline constexpr std::uint32_t kFirstFrameUnits = kSegmentHeaderBytes / kFrameAlignment;

// Kafka's offsets are signed, and a segment counts its own in 32 bits on top of its base offset.
inline constexpr std::uint64_t kMaxBaseOffset = (std::uint64_t{1} << 63) - (std::uint64_t{1} << 32);

// The indexes count a file's units (segment index * units of a slot + units) in 32 bits.
inline constexpr std::uint64_t kMaxLogFileBytes = (std::uint64_t{1} << 32) * kFrameAlignment;

}  // namespace ringmain::format
