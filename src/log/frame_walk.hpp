// Walks the published frames of one segment from its start (or a known frame). Never waits.
// The caller keeps the segment from being recycled.
#pragma once

#include "format/frame.hpp"
#include "format/segment.hpp"
#include "log/memory.hpp"

namespace ringmain::log {

template <class M>
class FrameWalk {
 public:
  using FrameHeader = format::BasicFrameHeader<Layout<M>>;

  FrameWalk(std::byte* slot, std::uint32_t tag, std::uint32_t end_units, std::uint64_t base_offset) noexcept
      : slot_(slot), next_offset_(base_offset), tag_(tag), end_units_(end_units) {}

  // Steps over one published frame; false where the next is not published, or not sound.
  //   Order: acquire; partner: the release in FrameWriter::publish().
  bool step() noexcept {
    if (position_ >= end_units_) return false;
    FrameHeader& frame = here();
    const std::uint64_t commit = frame.commit.load(std::memory_order_acquire);  // SYNC(frame.commit)
    if (!format::is_published(commit, tag_) ||
        frame.offset.load(std::memory_order_relaxed) != next_offset_)
      return false;
    const std::uint32_t units =
        format::align_frame(static_cast<std::uint32_t>(format::commit_size(commit))) / format::kFrameAlignment;
    if (units > end_units_ - position_) return false;
    next_offset_ += offsets_of(frame);
    position_ += units;
    return true;
  }

  // Steps over a claim that is known to be there, published or not.
  void skip(std::uint32_t units, std::uint64_t offsets) noexcept {
    position_ += units;
    next_offset_ += offsets;
  }

  static std::uint64_t offsets_of(const FrameHeader& frame) noexcept {
    return frame.type == static_cast<std::uint8_t>(format::FrameType::record)
               ? 1
               : static_cast<std::uint64_t>(frame.extent.load(std::memory_order_relaxed));
  }

  FrameHeader& here() const noexcept {
    return *reinterpret_cast<FrameHeader*>(slot_ + std::size_t{position_} * format::kFrameAlignment);
  }
  std::uint32_t position_units() const noexcept { return position_; }
  std::uint64_t next_offset() const noexcept { return next_offset_; }

 private:
  std::byte* slot_;
  std::uint64_t next_offset_;
  std::uint32_t tag_;
  std::uint32_t end_units_;
  std::uint32_t position_ = format::kSegmentHeaderBytes / format::kFrameAlignment;
};

}  // namespace ringmain::log
