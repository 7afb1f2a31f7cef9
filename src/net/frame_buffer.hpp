// FrameBuffer: received bytes, cut into frames (a length in four bytes, big-endian, then as
// many bytes).
//
// Invariant: memory grows with the bytes that came, at most to twice as many and one read, or to
// what the last frame had; never on the word of a length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/result.hpp"

namespace ringmain::net {

class FrameBuffer {
 public:
  explicit FrameBuffer(uint32_t frame_max_bytes) : frame_max_bytes_(frame_max_bytes) {}

  // Where the next bytes go, never empty. Ends the life of frames that next() gave; a
  // later next() leaves the space where it is, so a read may be under way meanwhile.
  std::span<std::byte> space();
  void received(size_t count);

  // The next whole frame without its length, nullopt when bytes are missing, an error when
  // its length is negative or above the limit: then nobody knows where the next one begins.
  Result<std::optional<std::span<const std::byte>>> next();

  size_t unread_bytes() const noexcept { return end_ - begin_; }
  size_t capacity_bytes() const noexcept { return capacity_; }

 private:
  std::optional<int32_t> announced_bytes() const noexcept;
  // Of the frame that has begun, or of its length.
  size_t missing_bytes() const noexcept;
  void drop_idle_memory() noexcept;
  void move_to_front() noexcept;
  void grow_by(size_t more_bytes);

  uint32_t frame_max_bytes_;
  std::unique_ptr<std::byte[]> memory_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  // <= end_
  size_t end_ = 0;    // <= capacity_
  size_t last_received_ = 0;
  size_t last_frame_bytes_ = 0;
};

}  // namespace ringmain::net
