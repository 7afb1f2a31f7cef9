// The partition file: control area, directory, intents, then the slots. Producers map it
// read-write, consumers read-only. Contract: docs/formats/partition.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/intent.hpp"
#include "format/segment.hpp"

namespace ringmain::format {

inline constexpr std::uint64_t kPartitionMagic = 0x3130545241504d52;  // "RMPART01", little endian
inline constexpr std::uint32_t kPartitionVersion = 1;
inline constexpr std::uint32_t kMaxSlots = 4096;
inline constexpr std::uint32_t kMinSlots = 2;
inline constexpr std::uint64_t kPageBytes = 4096;

enum class FullPolicy : std::uint32_t {
  block = 0,        // producers wait until every attached reader has passed the oldest segment
  drop_oldest = 1,  // the oldest segment goes; a reader that needed it is told how many it missed
};

inline constexpr std::uint64_t kNoSegment = ~0ull;

enum class PartitionState : std::uint32_t { open = 0, deleted = 1 };

// What the disk says, of a persistent partition.
enum class StorageState : std::uint32_t { none = 0, healthy = 1, full = 2, failing = 3 };

// Constant after the broker created the file, but for max_record_bytes and with it the checksum: the broker writes
// another one when max.message.bytes changes.
struct PartitionHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t header_crc32c;  // covers bytes [16, 96)
  std::uint8_t topic_id[16];
  std::uint32_t partition;
  std::uint32_t single_producer;  // 1: one producer at a time, no shared tail word
  FullPolicy full_policy;
  std::uint32_t slot_limit;       // slots at the most (the budget)
  std::uint64_t slot_bytes;
  std::uint64_t slots_at;         // position of slot 0 in the file
  std::uint32_t directory_size;   // power of two, at least 2 x slot_limit
  std::uint32_t intent_count;
  std::uint64_t max_record_bytes; // largest body
  std::uint32_t fences;           // 1: no asymmetric barrier on this kernel, use full fences
  std::uint32_t reserved0;
  std::uint64_t reserved1;
};
static_assert(sizeof(PartitionHeader) == 96);
static_assert(offsetof(PartitionHeader, topic_id) == 16);
static_assert(offsetof(PartitionHeader, slot_bytes) == 48);
static_assert(offsetof(PartitionHeader, max_record_bytes) == 72);

template <class M>
struct BasicControl {
  template <class T>
  using Atomic = typename M::template Atomic<T>;

  // Sequence of the segment that takes appends. Moves by a CAS of any producer; kNoSegment once
  // the partition is deleted, so that whoever compares it with its own segment notices.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> active;
  // Written by the broker only.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> prepared;  // segments below it have a slot
  Atomic<std::uint64_t> log_start;  // oldest segment that a reader may enter
  Atomic<std::uint32_t> state;      // PartitionState
  Atomic<std::uint32_t> wanted;     // 1: the broker waits for a reader to leave a segment
  // Producers that wait for memory sleep here; the broker counts it up and wakes them.
  alignas(kCacheLineBytes) Atomic<std::uint32_t> memory_bell;
  Atomic<std::uint32_t> memory_waiters;
  // Persistent partitions; written by the broker, 0 in others.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> durable_offset;  // records below it are on disk
  Atomic<std::uint64_t> start_offset;  // of the oldest record that can be read, from disk if not from here
  Atomic<std::uint32_t> storage;       // StorageState
  Atomic<std::uint32_t> durable_bell;  // counted up, and woken, when durable_offset moves and somebody waits
  // Written by producers that wait for it.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> durable_wanted;  // records below it shall go to disk at once
  Atomic<std::uint32_t> durable_waiters;  // how many wait; too high after a death, which costs a wake-up of nobody
  // The persister's participant id, whose doorbell they ring; written by the broker, 0: none.
  Atomic<std::uint32_t> persister;
};
using Control = BasicControl<SharedMemory>;
static_assert(sizeof(Control) == 320);
static_assert(offsetof(Control, durable_offset) == 192);
static_assert(offsetof(Control, start_offset) == 200);
static_assert(offsetof(Control, storage) == 208);
static_assert(offsetof(Control, durable_bell) == 212);
static_assert(offsetof(Control, durable_wanted) == 256);
static_assert(offsetof(Control, durable_waiters) == 264);
static_assert(offsetof(Control, persister) == 268);
static_assert(offsetof(Control, prepared) == 64);
static_assert(offsetof(Control, log_start) == 72);
static_assert(offsetof(Control, state) == 80);
static_assert(offsetof(Control, wanted) == 84);
static_assert(offsetof(Control, memory_bell) == 128);
static_assert(offsetof(Control, memory_waiters) == 132);

// A directory entry maps a segment to its slot: sequence << 16 | slot + 1; 0 is empty.
constexpr std::uint64_t pack_directory(std::uint64_t segment, std::uint32_t slot) noexcept {
  return segment << 16 | (slot + 1);
}

// Where the parts of the file lie.
inline constexpr std::uint64_t kControlAt = kPageBytes;
inline constexpr std::uint64_t kIntentsAt = 2 * kPageBytes;
inline constexpr std::uint64_t kDirectoryAt = kIntentsAt + kMaxProducers * sizeof(IntentLine);
static_assert(kDirectoryAt % kPageBytes == 0);

constexpr std::uint32_t directory_size_for(std::uint32_t slot_limit) noexcept {
  std::uint32_t size = 16;
  while (size < 2 * slot_limit) size *= 2;
  return size;
}
constexpr std::uint64_t slots_at_for(std::uint32_t slot_limit) noexcept {
  const std::uint64_t end = kDirectoryAt + 8ull * directory_size_for(slot_limit);
  return (end + kPageBytes - 1) / kPageBytes * kPageBytes;
}
constexpr std::uint64_t partition_file_bytes(std::uint32_t slot_limit, std::uint64_t slot_bytes) noexcept {
  return slots_at_for(slot_limit) + slot_limit * slot_bytes;
}

}  // namespace ringmain::format
