// What stays, and what goes.
#include "storage/compaction_filter.hpp"

#include "format/record_body.hpp"

namespace ringmain::storage {

FrameKey key_of(const segment::FrameNote& note, std::span<const std::byte> frame) noexcept {
  if (note.type == format::FrameType::filler) return {FrameRole::filler, {}};
  if (note.type == format::FrameType::batch) return {FrameRole::opaque, {}};
  const auto flags =
      std::to_integer<std::uint8_t>(frame[offsetof(segment::PlainFrameHeader, flags)]);
  if ((flags & ~format::kKnownFlags) != 0) return {FrameRole::opaque, {}};
  const auto body = frame.subspan(format::kFrameHeaderBytes);
  const auto parts = format::read_body(body.data(), static_cast<std::uint32_t>(body.size()), flags);
  if (!parts) return {FrameRole::unreadable, {}};
  if (!parts->key) return {FrameRole::keyless, {}};
  return {parts->value ? FrameRole::keyed : FrameRole::tombstone, *parts->key};
}

bool CompactionFilter::stays(const KeyMap& map, const segment::FrameNote& note,
                             std::span<const std::byte> frame) noexcept {
  const FrameKey found = key_of(note, frame);
  switch (found.role) {
    case FrameRole::filler:
      return false;
    case FrameRole::opaque:
      opaque_below_ = true;
      return true;
    case FrameRole::unreadable:
      ++counts_.unreadable;
      return true;
    case FrameRole::keyless:
      return true;
    case FrameRole::keyed:
    case FrameRole::tombstone:
      break;
  }
  const auto newest = map.newest(map.hash(found.key));
  if (newest && *newest > note.place.offset) {
    ++counts_.replaced;
    return false;
  }
  if (found.role == FrameRole::tombstone && tombstones_expired_ && !opaque_below_) {
    ++counts_.tombstones;
    return false;
  }
  return true;
}

}  // namespace ringmain::storage
