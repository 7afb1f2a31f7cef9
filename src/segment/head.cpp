// Heads of segments on disk: docs/formats/log-file.md, "Head".
#include "segment/head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/crc32c.hpp"

namespace ringmain::segment {
namespace {

std::span<const std::byte> bytes_of(const format::LogFileHead& head) noexcept {
  return std::as_bytes(std::span(&head, 1));
}

std::uint32_t identity_checksum(const format::LogFileHead& head) noexcept {
  return crc32c(bytes_of(head).first(format::kSegmentCrcBytes));
}

std::uint32_t head_checksum(const format::LogFileHead& head) noexcept {
  constexpr std::size_t kAt = offsetof(format::LogFileHead, head_crc32c);
  const auto bytes = bytes_of(head);
  return crc32c(bytes.subspan(kAt + sizeof(head.head_crc32c)), crc32c(bytes.first(kAt)));
}

// What a writer of this version never writes, although the checksum is right.
bool numbers_are_sound(const format::LogFileHead& head, std::uint64_t at) noexcept {
  return head.tag != 0 && (head.flags & ~format::kKnownHeadFlags) == 0 &&
         head.slot_bytes >= format::kMinSlotBytes && head.slot_bytes <= format::kMaxSlotBytes &&
         head.slot_bytes % 4096 == 0 && head.index_in_file * head.slot_bytes == at &&
         at + head.slot_bytes <= format::kMaxLogFileBytes &&
         head.proved_units >= format::kFirstFrameUnits &&
         head.proved_units <= capacity_units(head) && head.base_offset <= format::kMaxBaseOffset;
}

}  // namespace

HeadState read_head(std::span<const std::byte> bytes, std::uint64_t at,
                    format::LogFileHead& into) noexcept {
  into = {};
  std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof(into)),
              std::as_writable_bytes(std::span(&into, 1)).begin());
  const auto copy = bytes_of(into);
  if (std::all_of(copy.begin(), copy.end(), [](std::byte byte) { return byte == std::byte{0}; }))
    return HeadState::blank;
  if (bytes.size() < sizeof(into) || into.magic != format::kSegmentMagic ||
      into.head_crc32c != head_checksum(into))
    return HeadState::damaged;
  if (into.version > format::kLogFileVersion) return HeadState::newer_version;
  if (into.version != format::kLogFileVersion || into.identity_crc32c != identity_checksum(into) ||
      !numbers_are_sound(into, at))
    return HeadState::damaged;
  return HeadState::valid;
}

void seal_head(format::LogFileHead& head) noexcept {
  head.version = format::kLogFileVersion;
  head.identity_crc32c = identity_checksum(head);
  head.head_crc32c = head_checksum(head);
}

Result<format::LogFileHead> make_head(std::span<const std::byte> slot,
                                      const HeadPlacement& placement, const std::string& what) {
  constexpr std::size_t kIdentityBytes = offsetof(format::LogFileHead, version);
  format::LogFileHead head{};
  if (slot.size() >= kIdentityBytes) std::memcpy(&head, slot.data(), kIdentityBytes);
  if (head.magic != format::kSegmentMagic || head.tag == 0 ||
      head.identity_crc32c != identity_checksum(head))
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{}: the head of its segment in shared memory is damaged: somebody "
                            "wrote over it; nothing of it goes to disk",
                            what));
  std::memset(head.reserved0, 0, sizeof(head.reserved0));
  head.file_tag = placement.file_tag;
  head.slot_bytes = placement.slot_bytes;
  head.base_offset = placement.base_offset;
  head.index_in_file = placement.index_in_file;
  head.proved_units = format::kFirstFrameUnits;
  head.smallest_ns = format::kNoSmallestNs;
  head.largest_ns = format::kNoLargestNs;
  seal_head(head);
  return head;
}

}  // namespace ringmain::segment
