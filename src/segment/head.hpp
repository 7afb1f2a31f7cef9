// Heads of segments on disk: making, sealing and judging them. Pure; callable from any thread.
// Contract: docs/formats/log-file.md.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.hpp"
#include "format/log_file.hpp"

namespace ringmain::segment {

enum class HeadState {
  valid,
  blank,          // zeros: never written
  damaged,        // anything else: a head that was hit, or bytes that never were one
  newer_version,  // sound, but of a version that this program does not know
};

// Copies a head out of `bytes` (any length, any content) and judges the copy, which is `into`
// whatever the result. `at` is where in its file it stands: a head at another place is damaged.
HeadState read_head(std::span<const std::byte> bytes, std::uint64_t at,
                    format::LogFileHead& into) noexcept;

// Stamps the version and both checksums into a head that is complete otherwise.
void seal_head(format::LogFileHead& head) noexcept;

// Where a segment starts on disk.
struct HeadPlacement {
  std::uint64_t file_tag = 0;
  std::uint64_t slot_bytes = 0;
  std::uint64_t base_offset = 0;
  std::uint32_t index_in_file = 0;
};

// The sealed head of a segment of which nothing is proved yet. `slot` is its slot in shared memory:
// the identity is copied once, and the copy checked. Error: corrupt_memory.
Result<format::LogFileHead> make_head(std::span<const std::byte> slot,
                                      const HeadPlacement& placement, const std::string& what);

inline bool is_complete(const format::LogFileHead& head) noexcept {
  return (head.flags & format::kSegmentComplete) != 0;
}
inline std::uint32_t capacity_units(const format::LogFileHead& head) noexcept {
  return static_cast<std::uint32_t>(head.slot_bytes / format::kFrameAlignment);
}
// The offset behind what is proved.
inline std::uint64_t proved_end_offset(const format::LogFileHead& head) noexcept {
  return head.base_offset + head.proved_count;
}

}  // namespace ringmain::segment
