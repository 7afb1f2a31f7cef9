// The checksum of a frame on disk. It is seeded with the segment and the frame's place in it, so
// that bytes of another segment, another place or a recycled file never pass. Pure; any thread.
// Contract: docs/formats/frame.md, "Checksum".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/crc32c.hpp"
#include "format/log_file.hpp"

namespace ringmain::segment {

class FrameSeal {
 public:
  // Of all frames in the segment that a head names.
  explicit FrameSeal(const format::LogFileHead& head) noexcept : tag_(head.tag) {
    const auto bytes = std::as_bytes(std::span(&head, 1));
    seed_ = crc32c(bytes.subspan(8, 32));         // topic id, partition, tag, sequence
    seed_ = crc32c(bytes.subspan(48, 4), seed_);  // leader epoch
  }

  // `frame` is header and body without padding, at least 32 bytes, whose checksum field is zero.
  std::uint32_t checksum(std::span<const std::byte> frame,
                         std::uint32_t position_units) const noexcept {
    // Two seeds give the same bytes two checksums, always: CRC steps lose no bit of their state.
    return crc32c(frame, seed_ ^ position_units);
  }

  // The checksum of a frame that carries one.
  std::uint32_t checksum_of_sealed(std::span<const std::byte> frame,
                                   std::uint32_t position_units) const noexcept {
    std::array<std::byte, format::kFrameHeaderBytes> header;
    std::memcpy(header.data(), frame.data(), header.size());
    std::memset(header.data() + offsetof(format::FrameHeader, crc32c), 0, sizeof(std::uint32_t));
    const std::uint32_t of_header = crc32c(header, seed_ ^ position_units);
    return crc32c(frame.subspan(header.size()), of_header);
  }

  std::uint32_t tag() const noexcept { return tag_; }

 private:
  std::uint32_t seed_ = 0;
  std::uint32_t tag_;
};
static_assert(offsetof(format::LogFileHead, topic_id) == 8 &&
              offsetof(format::LogFileHead, created_ms) == 8 + 32 &&
              offsetof(format::LogFileHead, leader_epoch) == 48);

}  // namespace ringmain::segment
