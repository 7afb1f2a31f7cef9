// The head of a segment, at the start of its slot.
// Contract: docs/formats/segment.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/frame.hpp"
#include "format/tail_word.hpp"

namespace ringmain::format {

inline constexpr std::uint64_t kSegmentMagic = 0x31304745534d5252;  // "RRMSEG01", little endian
inline constexpr std::uint64_t kNoOffset = ~0ull;

template <class M>
struct BasicSegmentHeader {
  template <class T>
  using Atomic = typename M::template Atomic<T>;

  // Written by the broker before the directory names this slot; constant afterwards.
  alignas(kCacheLineBytes) std::uint64_t magic;
  std::uint8_t topic_id[16];
  std::uint32_t partition;
  std::uint32_t tag;           // never zero; differs from this slot's earlier tags
  std::uint64_t sequence;      // number of the segment in its partition
  std::uint64_t created_ms;
  std::uint32_t leader_epoch;  // of all frames in it: a new epoch begins a new segment
  std::uint32_t header_crc32c; // covers bytes [0, 52)
  std::uint8_t reserved0[8];

  // Every producer of a shared topic adds to it: alone in its line.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> tail;

  // Set once each, rarely read on the hot path.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> base_offset;  // kNoOffset until its turn comes
  Atomic<std::uint64_t> final;                                 // pack_final(), 0 until known

  // Bytes of the slot that are allocated and may be touched; the broker raises it.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> prepared_bytes;
};

using SegmentHeader = BasicSegmentHeader<SharedMemory>;
inline constexpr std::uint32_t kSegmentHeaderBytes = 256;  // also the first frame's position
inline constexpr std::uint32_t kSegmentCrcBytes = 52;
static_assert(sizeof(SegmentHeader) == kSegmentHeaderBytes);
static_assert(kSegmentHeaderBytes % kCacheLineBytes == 0);
static_assert(offsetof(SegmentHeader, magic) == 0);
static_assert(offsetof(SegmentHeader, topic_id) == 8);
static_assert(offsetof(SegmentHeader, partition) == 24);
static_assert(offsetof(SegmentHeader, tag) == 28);
static_assert(offsetof(SegmentHeader, sequence) == 32);
static_assert(offsetof(SegmentHeader, created_ms) == 40);
static_assert(offsetof(SegmentHeader, leader_epoch) == 48);
static_assert(offsetof(SegmentHeader, header_crc32c) == kSegmentCrcBytes);
static_assert(offsetof(SegmentHeader, tail) == 64);
static_assert(offsetof(SegmentHeader, base_offset) == 128);
static_assert(offsetof(SegmentHeader, final) == 136);
static_assert(offsetof(SegmentHeader, prepared_bytes) == 192);

}  // namespace ringmain::format
