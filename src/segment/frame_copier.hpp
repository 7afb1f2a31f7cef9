// Copies published frames out of a hot segment, and seals each in the copy: shared memory is read,
// never written. Runs in the broker (persister); one thread per object.
//
// The slot is hostile: any process that may produce can scribble over it at any time. Bounds come
// before use, a header is copied once and judged in the copy, and the checksum is of the copy.
#pragma once

#include <atomic>
#include <cstring>
#include <utility>

#include "format/segment.hpp"
#include "segment/frame_note.hpp"
#include "segment/frame_seal.hpp"

namespace ringmain::segment {

enum class CopyStop {
  reached_end,    // stands at the end that was asked for, or of what may be read
  not_published,  // the next frame is not there (yet)
  buffer_full,    // the next frame does not fit: see CopyResult::needed_bytes
  damaged,        // the next frame is published and breaks the format
};

struct CopyResult {
  CopyStop stop = CopyStop::reached_end;
  std::uint32_t bytes = 0;         // written to the buffer: whole frames with their padding
  std::uint32_t needed_bytes = 0;  // buffer_full: of the frame that did not fit
};

class FrameCopier {
 public:
  // `head` is the one on disk: make_head() took it from the slot.
  explicit FrameCopier(const format::LogFileHead& head) noexcept
      : FrameCopier(head, {format::kFirstFrameUnits, head.base_offset}) {}
  FrameCopier(const format::LogFileHead& head, SegmentPlace from) noexcept
      : seal_(head),
        base_offset_(head.base_offset),
        capacity_units_(static_cast<std::uint32_t>(head.slot_bytes / format::kFrameAlignment)),
        place_(from) {}

  // The place of the next frame that copy() takes.
  SegmentPlace place() const noexcept { return place_; }

  // Copies frames from place() on to the start of `into`, up to `end_units`, or as far as they are
  // published. `readable` is the slot from its start, as far as it may be touched (prepared bytes).
  // `on_frame(const FrameNote&)` hears of each. Padding and the bodies of fillers become zeros:
  // what a reused slot still holds there is nobody's data.
  //   Order: acquire; partner: the release in FrameWriter::publish().
  template <class OnFrame>
  CopyResult copy(std::span<const std::byte> readable, std::uint32_t end_units,
                  std::span<std::byte> into, OnFrame&& on_frame) {
    const auto readable_units = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(readable.size() / format::kFrameAlignment, capacity_units_));
    end_units = std::min(end_units, readable_units);
    CopyResult result;
    for (;;) {  // each turn takes a frame, or returns
      if (place_.units >= end_units) return result;
      const std::byte* from = readable.data() + std::size_t{place_.units} * format::kFrameAlignment;
      const std::uint64_t commit = reinterpret_cast<const format::FrameHeader*>(from)->commit.load(
          std::memory_order_acquire);  // SYNC(frame.commit)
      if (!format::is_published(commit, seal_.tag()))
        return stopped(result, CopyStop::not_published);
      const std::uint32_t size = static_cast<std::uint32_t>(format::commit_size(commit));
      const std::uint32_t bytes = format::align_frame(size);
      const std::uint32_t units = bytes / format::kFrameAlignment;
      if (units > capacity_units_ - place_.units) return stopped(result, CopyStop::damaged);
      if (units > end_units - place_.units) return result;
      if (bytes > into.size() - result.bytes) {
        result.needed_bytes = bytes;
        return stopped(result, CopyStop::buffer_full);
      }
      const CopyStop taken = take(from, commit, size, into.subspan(result.bytes, bytes));
      if (taken != CopyStop::reached_end) return stopped(result, taken);
      on_frame(std::as_const(note_));
      place_ = note_.next();
      result.bytes += bytes;
    }
  }

 private:
  static CopyResult stopped(CopyResult result, CopyStop stop) noexcept {
    result.stop = stop;
    return result;
  }

  // Copies, judges and notes one frame; reached_end: it is done.
  CopyStop take(const std::byte* from, std::uint64_t commit, std::uint32_t size,
                std::span<std::byte> to) noexcept {
    std::uint64_t words[format::kFrameHeaderBytes / 8];
    std::memcpy(words, from, sizeof(words));
    PlainFrameHeader header{};
    header.commit = commit;  // the word that was judged
    header.offset = words[1];
    header.extent = static_cast<std::int64_t>(words[2]);
    header.type = static_cast<std::uint8_t>(words[3] >> 32);
    // As a reader does: a frame with another offset is not there yet.
    if (header.offset != place_.offset) return CopyStop::not_published;
    if (header.type == static_cast<std::uint8_t>(format::FrameType::filler))
      std::memset(to.data(), 0, to.size());
    else
      copy_padded(from, size, to);
    // Offsets within a segment are counted in 32 bits: ImageWalk would refuse the frame.
    if (!note_frame(header, place_, to.data() + format::kFrameHeaderBytes, note_) ||
        place_.offset - base_offset_ + note_.offsets > 0xffffffff)
      return CopyStop::damaged;
    words[0] = commit;
    words[3] &= ~std::uint64_t{0xffffffff};  // no checksum yet
    std::memcpy(to.data(), words, sizeof(words));
    const std::uint32_t checksum = seal_.checksum(to.first(size), place_.units);
    std::memcpy(to.data() + offsetof(PlainFrameHeader, crc32c), &checksum, sizeof(checksum));
    return CopyStop::reached_end;
  }

  // Copies a frame, and zeros behind it to the end of its last 32 bytes. Most frames are small: for
  // those a loop over blocks is twice as fast as two library calls, and the checksum's aligned
  // loads find what was stored in one piece.
  static void copy_padded(const std::byte* from, std::uint32_t size,
                          std::span<std::byte> to) noexcept {
    constexpr std::size_t kBlock = format::kFrameAlignment;
    if (to.size() > 512) {
      std::memcpy(to.data(), from, size);
      std::memset(to.data() + size, 0, to.size() - size);
      return;
    }
    const std::size_t last = to.size() - kBlock;
    for (std::size_t at = 0; at < last; at += kBlock)
      std::memcpy(to.data() + at, from + at, kBlock);
    std::uint64_t words[kBlock / 8];  // the last block lies within the slot, as all of them
    std::memcpy(words, from + last, kBlock);
    std::size_t left = size - last;  // 1..32
    for (std::uint64_t& word : words) {
      word &= left >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * left)) - 1;
      left -= std::min<std::size_t>(left, 8);
    }
    std::memcpy(to.data() + last, words, kBlock);
  }

  FrameSeal seal_;
  std::uint64_t base_offset_;
  std::uint32_t capacity_units_;
  SegmentPlace place_;
  FrameNote note_;
};

}  // namespace ringmain::segment
