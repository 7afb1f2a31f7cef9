// A producer's intent: what it is about to claim, or has claimed and not yet published.
// Contract: docs/formats/partition.md. One cache line each, written by its producer alone,
// read by the repairer and the recycler.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/memory.hpp"

namespace ringmain::format {

enum class IntentState : std::uint8_t {
  idle = 0,
  about = 1,    // may or may not have added itself to the tail
  claimed = 2,  // owns [position, position + units) until the frame there is published
  abandoned = 3,  // claimed, but its producer gave up waiting for memory: the repairer's now
};

// state 2 bits | position in units 28 bits | segment sequence, low 34 bits
struct Intent {
  IntentState state = IntentState::idle;
  std::uint32_t position_units = 0;  // claimed and abandoned; about: 0 or kOwnsNothing
  std::uint64_t segment = 0;
};
// The position of an `about` whose claim has not fitted: it owns nothing in the segment, owes it no
// final word, and only helps to roll. A repair need not wait for it; its slots are held all the same.
inline constexpr std::uint32_t kOwnsNothing = (1u << 28) - 1;
inline constexpr std::uint64_t kIntentSegmentMask = (1ull << 34) - 1;

constexpr std::uint64_t pack_intent(Intent intent) noexcept {
  return static_cast<std::uint64_t>(intent.state) | std::uint64_t{intent.position_units} << 2 |
         (intent.segment & kIntentSegmentMask) << 30;
}
constexpr Intent unpack_intent(std::uint64_t word) noexcept {
  return {static_cast<IntentState>(word & 3),
          static_cast<std::uint32_t>(word >> 2 & ((1u << 28) - 1)), word >> 30};
}

template <class M>
struct BasicIntentLine {
  template <class T>
  using Atomic = typename M::template Atomic<T>;

  alignas(kCacheLineBytes) Atomic<std::uint64_t> word;  // pack_intent()
  // Stored with release although `word` follows: who reads the next claim's here must also see
  // the last one published.
  Atomic<std::uint64_t> claim;   // units low 32 bits, records high 32 bits
  Atomic<std::uint64_t> offset;  // claimed only: offset of the first record
  // Written by the broker when the producer attaches and when it is gone.
  Atomic<std::uint32_t> participant;  // 0: the line is free
  std::uint32_t reserved0;
  std::uint8_t reserved1[32];
};

using IntentLine = BasicIntentLine<SharedMemory>;
static_assert(sizeof(IntentLine) == kCacheLineBytes);
static_assert(offsetof(IntentLine, word) == 0);
static_assert(offsetof(IntentLine, claim) == 8);
static_assert(offsetof(IntentLine, offset) == 16);
static_assert(offsetof(IntentLine, participant) == 24);

}  // namespace ringmain::format
