// What a frame says of itself, taken from a private copy of its header: whether it is sound, and
// what the indexes need of it. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "format/log_file.hpp"

namespace ringmain::segment {

// A frame's header as ordinary bytes.
struct PlainMemory {
  template <class T>
  using Atomic = T;
};
using PlainFrameHeader = format::BasicFrameHeader<PlainMemory>;
static_assert(sizeof(PlainFrameHeader) == format::kFrameHeaderBytes);

// A place between two frames of a segment.
struct SegmentPlace {
  std::uint32_t units = format::kFirstFrameUnits;  // from the segment's start
  std::uint64_t offset = 0;                        // that the frame there begins with
  friend bool operator==(const SegmentPlace&, const SegmentPlace&) = default;
};

// Smallest and largest timestamp of some records.
struct TimeRange {
  std::int64_t smallest_ns = format::kNoSmallestNs;
  std::int64_t largest_ns = format::kNoLargestNs;

  bool empty() const noexcept { return smallest_ns > largest_ns; }
  void add(const TimeRange& other) noexcept {
    smallest_ns = std::min(smallest_ns, other.smallest_ns);
    largest_ns = std::max(largest_ns, other.largest_ns);
  }
  friend bool operator==(const TimeRange&, const TimeRange&) = default;
};

struct FrameNote {
  SegmentPlace place;
  std::uint32_t size = 0;     // header and body, without padding
  std::uint32_t offsets = 0;  // that it takes
  std::uint32_t records = 0;  // filler: none; a compacted batch: fewer than its offsets
  format::FrameType type = format::FrameType::filler;
  TimeRange times;  // filler, or a batch without timestamps: empty

  std::uint32_t units() const noexcept {
    return format::align_frame(size) / format::kFrameAlignment;
  }
  SegmentPlace next() const noexcept { return {place.units + units(), place.offset + offsets}; }
};

// A Kafka RecordBatch v2 begins with 61 bytes, big endian.
inline constexpr std::uint32_t kBatchHeaderBytes = 61;

inline std::uint64_t load_big_endian(const std::byte* from, int bytes) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}

// Batches count in milliseconds, -1 for none; what nanoseconds cannot hold is cut to what they can.
inline TimeRange batch_times(const std::byte* batch) noexcept {
  constexpr std::int64_t kNsPerMs = 1'000'000;
  constexpr std::int64_t kMostMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;
  const auto first_ms = static_cast<std::int64_t>(load_big_endian(batch + 27, 8));
  const auto largest_ms = static_cast<std::int64_t>(load_big_endian(batch + 35, 8));
  if (largest_ms < 0) return {};
  const std::int64_t largest_ns = std::min(largest_ms, kMostMs) * kNsPerMs;
  const std::int64_t first_ns = std::clamp<std::int64_t>(first_ms, 0, kMostMs) * kNsPerMs;
  return {std::min(first_ns, largest_ns), largest_ns};
}

// Whether header fields can be those of the frame at `place`, as a reader of shared memory judges
// them. The size has been held to the memory's bounds before. `body` holds what the header's size
// says; it is looked into only if it is a batch. Fills `note` in place: copies of it would cost
// more than all the rest.
inline bool note_frame(const PlainFrameHeader& header, SegmentPlace place, const std::byte* body,
                       FrameNote& note) noexcept {
  note.place = place;
  note.size = static_cast<std::uint32_t>(format::commit_size(header.commit));
  note.type = static_cast<format::FrameType>(header.type);
  if (header.offset != place.offset) return false;
  if (note.type == format::FrameType::record) [[likely]] {
    note.offsets = note.records = 1;
    note.times.smallest_ns = note.times.largest_ns = header.extent;
    return true;
  }
  if (header.extent < 0 || header.extent > std::int64_t{format::kMaxSegmentRecords}) return false;
  note.offsets = static_cast<std::uint32_t>(header.extent);
  note.records = 0;
  note.times = {};
  if (note.type == format::FrameType::filler) return true;
  if (note.type != format::FrameType::batch) return false;
  note.records = note.offsets;
  if (note.size - format::kFrameHeaderBytes < kBatchHeaderBytes)
    return true;  // its decoder will tell
  note.records = std::min(static_cast<std::uint32_t>(load_big_endian(body + 57, 4)), note.offsets);
  if (note.records != 0) note.times = batch_times(body);
  return true;
}

}  // namespace ringmain::segment
