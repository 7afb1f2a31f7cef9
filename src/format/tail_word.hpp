// The tail word of a segment: one fetch_add claims bytes and offsets at once.
// Contract: docs/formats/segment.md. Pure arithmetic: no memory is touched here.
//
//   bits  0..27  units: claimed end of the segment, in frames' alignment (32 bytes)
//   bits 28..53  count: records claimed in this segment
//   bits 54..63  generation: the segment's sequence modulo 1024
//
// A claim that does not fit still adds itself (the instruction cannot be taken back), so the
// fields keep room for every producer to overshoot once: 256 producers x a quarter of the
// largest slot, and 256 x the largest batch.
#pragma once

#include <cstdint>

#include "format/frame.hpp"

namespace ringmain::format {

inline constexpr std::uint32_t kMaxProducers = 256;               // intents of a partition
inline constexpr std::uint64_t kMinSlotBytes = 64 * 1024;
inline constexpr std::uint64_t kMaxSlotBytes = 64 * 1024 * 1024;  // see the overshoot above
inline constexpr std::uint32_t kMaxClaimRecords = 65536;          // records of one claim
inline constexpr std::uint32_t kMaxSegmentRecords = 1u << 25;

inline constexpr int kUnitsBits = 28;
inline constexpr int kCountBits = 26;
inline constexpr int kGenerationBits = 10;

static_assert(kMaxSlotBytes / kFrameAlignment + kMaxProducers * (kMaxSlotBytes / 4 / kFrameAlignment) <
              (1ull << kUnitsBits));
static_assert(kMaxSegmentRecords + std::uint64_t{kMaxProducers} * kMaxClaimRecords < (1ull << kCountBits));
static_assert(kUnitsBits + kCountBits + kGenerationBits == 64);

struct Tail {
  std::uint64_t units = 0;
  std::uint64_t count = 0;
  std::uint64_t generation = 0;
};

constexpr std::uint64_t pack_tail(Tail tail) noexcept {
  return tail.units | tail.count << kUnitsBits | tail.generation << (kUnitsBits + kCountBits);
}
constexpr Tail unpack_tail(std::uint64_t word) noexcept {
  return {word & ((1ull << kUnitsBits) - 1), word >> kUnitsBits & ((1ull << kCountBits) - 1),
          word >> (kUnitsBits + kCountBits)};
}
constexpr std::uint64_t generation_of(std::uint64_t segment) noexcept {
  return segment & ((1ull << kGenerationBits) - 1);
}
// True once a claim has not fitted: no later one can succeed, however small.
constexpr bool is_full(Tail tail, std::uint64_t capacity_units) noexcept {
  return tail.units > capacity_units || tail.count > kMaxSegmentRecords;
}

// The final word: where a full segment really ends. Zero until it is known.
constexpr std::uint64_t kFinalKnown = 1ull << 63;
static_assert(kUnitsBits + kCountBits < 63);
constexpr std::uint64_t pack_final(std::uint64_t units, std::uint64_t count) noexcept {
  return kFinalKnown | units | count << kUnitsBits;
}
constexpr Tail unpack_final(std::uint64_t word) noexcept {
  return {word & ((1ull << kUnitsBits) - 1), word >> kUnitsBits & ((1ull << kCountBits) - 1), 0};
}

}  // namespace ringmain::format
