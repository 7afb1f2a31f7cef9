// Writing frames into memory that the caller owns, and publishing them.
// Used by the appenders and by the repairer; the only code that stores a commit word.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "format/frame.hpp"
#include "log/memory.hpp"

namespace ringmain::log {

struct FrameFields {
  std::uint64_t offset = 0;
  std::int64_t extent = 0;  // see format/frame.hpp
  format::FrameType type = format::FrameType::record;
  std::uint8_t flags = 0;
  std::uint16_t owner = 0;
};

template <class M>
struct FrameWriter {
  using FrameHeader = format::BasicFrameHeader<Layout<M>>;

  static FrameHeader& at(std::byte* place) noexcept { return *reinterpret_cast<FrameHeader*>(place); }

  // Says "claimed, not yet readable" before anything else of the claim is written.
  //   Death after it: the intent still names the claim; the repairer makes it filler.
  static void mark_in_progress(std::byte* place, std::uint32_t claim_bytes, std::uint32_t tag) noexcept {
    at(place).commit.store(format::commit_word(-static_cast<std::int32_t>(claim_bytes), tag),
                           std::memory_order_relaxed);
  }

  // Asks for the ownership of the lines of a frame that will be written. A store waits in the store
  // buffer until its line is owned, and that buffer is short (a locked instruction drains it
  // altogether); a reader still holds these lines from the last time the slot was used. One call
  // for each frame, also within a batch: the CPU has few places for lines on their way, and a
  // longer burst would wait for them.
  static void own_lines(const std::byte* place, std::uint32_t bytes) noexcept {
    for (std::uint32_t at = 0; at < std::min(bytes, kOwnMost); at += format::kCacheLineBytes)
      M::prefetch_for_write(place + at);
  }

  static void write_fields(std::byte* place, const FrameFields& fields) noexcept {
    FrameHeader& frame = at(place);
    frame.offset.store(fields.offset, std::memory_order_relaxed);
    frame.extent.store(fields.extent, std::memory_order_relaxed);
    // Checksum (filled in later), type, flags and owner in one store.
    const std::uint64_t rest = std::uint64_t{static_cast<std::uint8_t>(fields.type)} << 32 |
                               std::uint64_t{fields.flags} << 40 | std::uint64_t{fields.owner} << 48;
    std::memcpy(&frame.crc32c, &rest, sizeof(rest));
  }

  // A frame inside a claim whose first frame is still unpublished: no reader gets here before
  // that one is, so no order is needed.
  static void place_inside(std::byte* place, std::uint32_t size, std::uint32_t tag) noexcept {
    at(place).commit.store(format::commit_word(static_cast<std::int32_t>(size), tag),
                           std::memory_order_relaxed);
  }

  // Publishes a frame, and with it all that its claim holds.
  //   Role:     the claim's owner, or the repairer in the name of a dead one; once per claim.
  //   Order:    SYNC(frame.commit) release; partner: the acquire in Reader::next().
  //   Progress: wait-free.
  //   Death before the store: the frame stays unreadable until the repairer fills it.
  static void publish(std::byte* place, std::uint32_t size, std::uint32_t tag) noexcept {
    RINGMAIN_ASSERT(size >= format::kFrameHeaderBytes && size <= 0x7fffffff);
    at(place).commit.store(format::commit_word(static_cast<std::int32_t>(size), tag),
                           std::memory_order_release);  // SYNC(frame.commit)
  }

  static FrameFields filler(std::uint64_t offset, std::uint64_t void_offsets, std::uint16_t owner) noexcept {
    return {offset, static_cast<std::int64_t>(void_offsets), format::FrameType::filler, 0, owner};
  }

 private:
  static constexpr std::uint32_t kOwnMost = 2048;
};

}  // namespace ringmain::log
