// A group commit: frames that go to disk in one write, and become durable together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/disk.hpp"
#include "segment/frame_note.hpp"

namespace ringmain::storage {

inline constexpr std::size_t kGroupsInFlight = 4;
// Copied from full segments while those are in flight: their syncs end together, and the device would wait for the copies.
inline constexpr std::size_t kGroupsAhead = 4;
// Of one partition, behind what is durable: all groups, each a buffer, or one frame larger than that.
inline constexpr std::uint64_t kMostInFlightBytes = 16ull << 20;

// How far the frames copied into a buffer reach, and how far whole blocks do.
class GroupEnd {
 public:
  // `begins_at` is the position in its segment of what comes next, in bytes.
  explicit GroupEnd(segment::SegmentPlace begin) noexcept : last_(begin), whole_(begin) {
    floor_ = floor_of(begin);
  }

  void add(const segment::FrameNote& note) noexcept {
    const segment::SegmentPlace next = note.next();
    if (const std::uint64_t floor = floor_of(next); floor > floor_) {
      floor_ = floor;
      whole_ = bytes_of(next) == floor ? next : last_;
    }
    last_ = next;
  }

  segment::SegmentPlace last() const noexcept { return last_; }
  // Behind the last frame that ends within whole blocks.
  segment::SegmentPlace whole() const noexcept { return whole_; }
  std::uint64_t whole_bytes() const noexcept { return floor_; }  // position in the segment

  static std::uint64_t bytes_of(segment::SegmentPlace place) noexcept {
    return std::uint64_t{place.units} * format::kFrameAlignment;
  }
  static std::uint64_t floor_of(segment::SegmentPlace place) noexcept {
    return bytes_of(place) / os::disk_block_bytes * os::disk_block_bytes;
  }
  static std::uint64_t ceiling_of(segment::SegmentPlace place) noexcept {
    return (bytes_of(place) + os::disk_block_bytes - 1) / os::disk_block_bytes * os::disk_block_bytes;
  }

 private:
  segment::SegmentPlace last_, whole_;
  std::uint64_t floor_ = 0;
};

}  // namespace ringmain::storage
