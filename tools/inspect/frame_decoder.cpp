// Frames from bytes that nobody vouches for.
#include "inspect/frame_decoder.hpp"

#include <fmt/format.h>

#include <cstring>

#include "format/record_body.hpp"

namespace ringmain::tools {
namespace {

using format::FrameHeader;
using format::FrameType;
using format::kFrameHeaderBytes;

uint64_t align(uint64_t bytes) noexcept {
  return (bytes + format::kFrameAlignment - 1) / format::kFrameAlignment * format::kFrameAlignment;
}

}  // namespace

template <class T>
T FrameDecoder::field(size_t at) const noexcept {
  T value;
  std::memcpy(&value, bytes_.data() + position_ + at, sizeof(value));
  return value;
}

Result<std::optional<FrameInfo>> FrameDecoder::next() {
  if (position_ >= bytes_.size() || !has_room_for(kFrameHeaderBytes))
    return std::optional<FrameInfo>();
  const auto commit = field<uint64_t>(offsetof(FrameHeader, commit));
  const int32_t size = format::commit_size(commit);
  std::optional<FrameInfo> frame;
  if (format::is_published(commit, segment_.tag)) {
    RINGMAIN_TRY_ASSIGN(found, published(size));
    frame = std::move(found);
  } else if (format::is_in_progress(commit, segment_.tag)) {
    RINGMAIN_TRY_ASSIGN(found, in_progress(size));
    frame = std::move(found);
  } else {
    frame = unmarked();
  }
  if (frame) pass(*frame);
  return frame;
}

Result<FrameInfo> FrameDecoder::published(int32_t size) const {
  FrameInfo frame;
  frame.position = position_;
  frame.size_bytes = static_cast<uint64_t>(size);
  frame.offset = field<uint64_t>(offsetof(FrameHeader, offset));
  frame.owner = field<uint16_t>(offsetof(FrameHeader, owner));
  if (!has_room_for(align(frame.size_bytes))) {
    return corrupt(
        fmt::format("a frame of {} bytes does not fit into what is left of the segment", size));
  }
  if (next_offset_ && frame.offset != next_offset_) {
    return corrupt(
        fmt::format("a frame has offset {} where {} is due", *frame.offset, *next_offset_));
  }
  const auto extent = field<int64_t>(offsetof(FrameHeader, extent));
  const auto type = field<uint8_t>(offsetof(FrameHeader, type));
  const auto flags = field<uint8_t>(offsetof(FrameHeader, flags));
  if (type == static_cast<uint8_t>(FrameType::record)) {
    frame.timestamp_ns = extent;
    RINGMAIN_TRY(describe_record(frame, flags));
    return frame;
  }
  const bool is_filler = type == static_cast<uint8_t>(FrameType::filler);
  if (!is_filler && type != static_cast<uint8_t>(FrameType::batch)) {
    return corrupt(fmt::format("a frame has the unknown type {}", type));
  }
  if (extent < (is_filler ? 0 : 1) || extent > int64_t{format::kMaxSegmentRecords}) {
    return corrupt(fmt::format("a frame claims to take {} offsets", extent));
  }
  frame.type = is_filler ? "filler" : "batch";
  frame.offset_count = static_cast<uint64_t>(extent);
  return frame;
}

Status FrameDecoder::describe_record(FrameInfo& frame, uint8_t flags) const {
  if ((flags & ~format::kKnownFlags) != 0)
    return corrupt(fmt::format("a record has the unknown flags {:#x}", flags));
  const auto body_bytes = static_cast<uint32_t>(frame.size_bytes - kFrameHeaderBytes);
  const auto parts =
      format::read_body(bytes_.data() + position_ + kFrameHeaderBytes, body_bytes, flags);
  if (!parts) return corrupt("the sizes in a record contradict each other");
  frame.type = "record";
  if (parts->key) frame.key_bytes = parts->key->size();
  if (parts->value) frame.value_bytes = parts->value->size();
  if (!parts->headers.empty()) frame.headers_bytes = parts->headers.size();
  return {};
}

Result<FrameInfo> FrameDecoder::in_progress(int32_t negative_size) const {
  FrameInfo frame;
  frame.state = FrameInfo::State::in_progress;
  frame.position = position_;
  frame.size_bytes = static_cast<uint64_t>(-int64_t{negative_size});
  frame.offset = next_offset_;
  frame.owner = field<uint16_t>(offsetof(FrameHeader, owner));
  if (frame.size_bytes < kFrameHeaderBytes || !has_room_for(align(frame.size_bytes))) {
    return corrupt(
        fmt::format("a claim of {} bytes does not fit into the segment", frame.size_bytes));
  }
  return frame;
}

// Nothing is marked here. It is claimed all the same if it lies below the tail: up to the next
// frame that carries the segment's tag, or to the tail.
std::optional<FrameInfo> FrameDecoder::unmarked() const {
  const uint64_t end = std::min<uint64_t>(segment_.tail_bytes, bytes_.size());
  if (position_ >= end) return std::nullopt;
  uint64_t next = position_ + format::kFrameAlignment;
  for (; next + kFrameHeaderBytes <= end; next += format::kFrameAlignment) {
    uint64_t commit = 0;
    std::memcpy(&commit, bytes_.data() + next, sizeof(commit));
    if (format::commit_tag(commit) == segment_.tag) break;
  }
  FrameInfo frame;
  frame.state = FrameInfo::State::unmarked;
  frame.position = position_;
  frame.size_bytes = std::min(next, end) - position_;
  frame.offset = next_offset_;
  return frame;
}

void FrameDecoder::pass(const FrameInfo& frame) noexcept {
  position_ += align(frame.size_bytes);
  const bool is_published = frame.state == FrameInfo::State::published;
  next_offset_.reset();
  if (is_published && frame.offset) next_offset_ = *frame.offset + frame.offset_count;
}

tl::unexpected<Error> FrameDecoder::corrupt(const std::string& why) const {
  return fail(ErrorCode::corrupt_memory, fmt::format("segment {} is damaged at position {}: {}",
                                                     segment_.sequence, position_, why));
}

}  // namespace ringmain::tools
