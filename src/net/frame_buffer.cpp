// Growth, and the checks of a frame's length.
#include "net/frame_buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"

namespace ringmain::net {
namespace {

constexpr size_t length_bytes = 4;
constexpr size_t smallest_read_bytes = 1024;     // what an idle connection holds
constexpr size_t largest_read_bytes = 64 << 10;  // a busy one; of a longer frame, its rest

// What speaks other protocols finds its way to every open port.
const char* hint_of(int32_t announced) {
  switch (static_cast<uint32_t>(announced)) {
    case 0x47455420:  // "GET "
    case 0x504f5354:  // "POST"
    case 0x48454144:  // "HEAD"
      return " (this looks like HTTP)";
    default:
      return static_cast<uint32_t>(announced) >> 16 == 0x1603 ? " (this looks like TLS)" : "";
  }
}

}  // namespace

std::span<std::byte> FrameBuffer::space() {
  if (begin_ == end_) drop_idle_memory();
  const size_t wanted = std::clamp(2 * last_received_, smallest_read_bytes, largest_read_bytes);
  if (capacity_ - end_ < wanted && begin_ > 0) move_to_front();
  if (capacity_ - end_ < std::min(missing_bytes(), smallest_read_bytes) || capacity_ == 0) {
    grow_by(std::max(wanted, std::min(std::max(unread_bytes(), last_frame_bytes_), missing_bytes())));
  }
  const size_t readable = std::max(missing_bytes(), largest_read_bytes);
  return {memory_.get() + end_, std::min(capacity_ - end_, readable)};
}

void FrameBuffer::received(size_t count) {
  RINGMAIN_ASSERT(count <= capacity_ - end_);
  end_ += count;
  last_received_ = count;
}

Result<std::optional<std::span<const std::byte>>> FrameBuffer::next() {
  const std::optional<int32_t> announced = announced_bytes();
  if (!announced) return std::nullopt;
  if (*announced < 0 || static_cast<uint32_t>(*announced) > frame_max_bytes_) {
    return fail(ErrorCode::invalid_request,
                fmt::format("announced a request of {} bytes{}; socket.request.max.bytes is {}",
                            *announced, hint_of(*announced), frame_max_bytes_));
  }
  const size_t size = static_cast<size_t>(*announced);
  if (unread_bytes() - length_bytes < size) return std::nullopt;
  const std::span<const std::byte> frame(memory_.get() + begin_ + length_bytes, size);
  begin_ += length_bytes + size;
  last_frame_bytes_ = size;
  return frame;
}

std::optional<int32_t> FrameBuffer::announced_bytes() const noexcept {
  if (unread_bytes() < length_bytes) return std::nullopt;
  uint32_t value = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    value = value << 8 | std::to_integer<uint32_t>(memory_[begin_ + i]);
  }
  return static_cast<int32_t>(value);
}

size_t FrameBuffer::missing_bytes() const noexcept {
  const std::optional<int32_t> announced = announced_bytes();
  if (!announced) return length_bytes - unread_bytes();
  // A bad length is next()'s to report; here it must only not overflow.
  const size_t whole = length_bytes + static_cast<size_t>(std::max(*announced, 0));
  return whole > unread_bytes() ? whole - unread_bytes() : 1;
}

void FrameBuffer::drop_idle_memory() noexcept {
  begin_ = end_ = 0;
  if (capacity_ <= largest_read_bytes) return;
  memory_.reset();
  capacity_ = 0;
}

void FrameBuffer::move_to_front() noexcept {
  std::memmove(memory_.get(), memory_.get() + begin_, unread_bytes());
  end_ -= begin_;
  begin_ = 0;
}

void FrameBuffer::grow_by(size_t more_bytes) {
  const size_t unread = unread_bytes();
  const size_t capacity = unread + more_bytes;
  auto memory = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (unread > 0) std::memcpy(memory.get(), memory_.get() + begin_, unread);
  memory_ = std::move(memory);
  capacity_ = capacity;
  begin_ = 0;
  end_ = unread;
}

}  // namespace ringmain::net
