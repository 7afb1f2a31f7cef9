// A frame: header and body of one record, batch or filler in the log.
// Contract: docs/formats/frame.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/memory.hpp"

namespace ringmain::format {

// Frames start at multiples of this, so a header never straddles two cache lines.
inline constexpr std::uint32_t kFrameAlignment = 32;
inline constexpr std::uint32_t kFrameHeaderBytes = 32;

enum class FrameType : std::uint8_t {
  record = 1,  // one native record (record_body.hpp)
  batch = 2,   // a Kafka RecordBatch v2, verbatim
  filler = 3,  // no record: `extent` offsets are void and readers skip them
};

// Flags of a record frame: which parts its body has.
inline constexpr std::uint8_t kFlagKey = 1;
inline constexpr std::uint8_t kFlagHeaders = 2;
inline constexpr std::uint8_t kFlagNullValue = 4;
inline constexpr std::uint8_t kKnownFlags = 7;

// The commit word: what says whether a frame is there. The tag is the segment's own random
// number: bytes that a reused slot still holds from earlier segments do not carry it, so no
// memory has to be zeroed before it is used again (docs/adr/0001-tags-instead-of-zeroing.md).
//   low 32 bits   size: header and body in bytes, without padding; >= 32 when published,
//                 negative (the claimed bytes) while its producer still writes
//   high 32 bits  the segment's tag
using CommitWord = std::uint64_t;

constexpr CommitWord commit_word(std::int32_t size, std::uint32_t tag) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(size)} | std::uint64_t{tag} << 32;
}
constexpr std::int32_t commit_size(CommitWord word) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(word));
}
constexpr std::uint32_t commit_tag(CommitWord word) noexcept {
  return static_cast<std::uint32_t>(word >> 32);
}
constexpr bool is_published(CommitWord word, std::uint32_t tag) noexcept {
  return commit_tag(word) == tag && commit_size(word) >= std::int32_t{kFrameHeaderBytes};
}
constexpr bool is_in_progress(CommitWord word, std::uint32_t tag) noexcept {
  return commit_tag(word) == tag && commit_size(word) < 0;
}

constexpr std::uint32_t align_frame(std::uint32_t bytes) noexcept {
  return (bytes + kFrameAlignment - 1) & ~(kFrameAlignment - 1);
}

template <class M>
struct BasicFrameHeader {
  typename M::template Atomic<std::uint64_t> commit;  // CommitWord
  // The fields below belong to the claiming producer until `commit` publishes them.
  // They are relaxed atomics because a reader may look at a frame that is being rewritten:
  // it then finds a wrong offset or tag and takes it as "not yet".
  typename M::template Atomic<std::uint64_t> offset;  // of the first record
  // record: its timestamp in ns since 1970; batch and filler: how many offsets it takes
  typename M::template Atomic<std::int64_t> extent;
  std::uint32_t crc32c;  // 0 in shared memory; on disk of the frame with 0 here (segment/frame_seal.hpp)
  std::uint8_t type;     // FrameType
  std::uint8_t flags;
  std::uint16_t owner;  // index of the producer's intent, for diagnosis only

  std::byte* body() noexcept { return reinterpret_cast<std::byte*>(this) + kFrameHeaderBytes; }
  const std::byte* body() const noexcept {
    return reinterpret_cast<const std::byte*>(this) + kFrameHeaderBytes;
  }
};

using FrameHeader = BasicFrameHeader<SharedMemory>;
static_assert(sizeof(FrameHeader) == kFrameHeaderBytes);
static_assert(offsetof(FrameHeader, commit) == 0);
static_assert(offsetof(FrameHeader, offset) == 8);
static_assert(offsetof(FrameHeader, extent) == 16);
static_assert(offsetof(FrameHeader, crc32c) == 24);
static_assert(offsetof(FrameHeader, type) == 28);
static_assert(offsetof(FrameHeader, flags) == 29);
static_assert(offsetof(FrameHeader, owner) == 30);

}  // namespace ringmain::format
