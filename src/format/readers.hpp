// The readers file of a partition: pins and sleep marks. Everyone who uses the partition maps
// it read-write. Contract: docs/formats/readers.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/memory.hpp"

namespace ringmain::format {

inline constexpr std::uint64_t kReadersMagic = 0x3130444145524d52;  // "RMREAD01", little endian
inline constexpr std::uint32_t kReadersVersion = 2;
inline constexpr std::uint32_t kReadersVersionBefore = 1;  // the same, but its readers set no kHoldsAll
inline constexpr std::uint32_t kMaxReaders = 256;
inline constexpr std::uint32_t kSleepWords = kMaxReaders / 64;

// In a pin: its reader seeks, or has not begun to read, and has passed nothing for all that the pin says: `block` takes no
// segment away.
inline constexpr std::uint64_t kHoldsAll = std::uint64_t{1} << 63;
// The segment that a pin names, + 1.
constexpr std::uint64_t pinned(std::uint64_t pin) noexcept { return pin & ~kHoldsAll; }

template <class M>
struct BasicReaderLine {
  template <class T>
  using Atomic = typename M::template Atomic<T>;

  alignas(kCacheLineBytes) Atomic<std::uint64_t> pin;  // segment sequence + 1, and kHoldsAll; 0: none
  Atomic<std::uint64_t> next_offset;  // progress as of its last poll: for people and `block`
  Atomic<std::uint32_t> participant;  // 0: the line is free; written by the broker
  Atomic<std::uint32_t> observer;     // 1: looks, but does not consume: `block` does not wait for it, nor go by it
  std::uint8_t reserved1[40];
};
using ReaderLine = BasicReaderLine<SharedMemory>;
static_assert(sizeof(ReaderLine) == kCacheLineBytes);
static_assert(offsetof(ReaderLine, next_offset) == 8);
static_assert(offsetof(ReaderLine, participant) == 16);
static_assert(offsetof(ReaderLine, observer) == 20);

template <class M>
struct BasicReaders {
  template <class T>
  using Atomic = typename M::template Atomic<T>;

  alignas(kCacheLineBytes) std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t partition;
  std::uint8_t topic_id[16];
  std::uint8_t reserved0[32];
  // One bit a reader line: its consumer sleeps and wants to be woken. Producers read it after
  // every publish, so it is alone in its line and rarely written.
  alignas(kCacheLineBytes) Atomic<std::uint64_t> sleeping[kSleepWords];
  alignas(kCacheLineBytes) BasicReaderLine<M> lines[kMaxReaders];
};
using Readers = BasicReaders<SharedMemory>;
static_assert(sizeof(Readers) == 128 + 64 * kMaxReaders);
static_assert(offsetof(Readers, topic_id) == 16);
static_assert(offsetof(Readers, sleeping) == 64);
static_assert(offsetof(Readers, lines) == 128);

// The doorbells file of a bus: one futex word for each participant, in a line of its own.
inline constexpr std::uint32_t kMaxParticipants = 4096;
// The broker's own; no client gets them.
inline constexpr std::uint32_t kPersister = kMaxParticipants - 1;
inline constexpr std::uint32_t kBroker = kMaxParticipants - 2;  // it appends and waits for Kafka clients
template <class M>
struct BasicDoorbell {
  alignas(kCacheLineBytes) typename M::template Atomic<std::uint32_t> rings;
};
using Doorbell = BasicDoorbell<SharedMemory>;
static_assert(sizeof(Doorbell) == kCacheLineBytes);

}  // namespace ringmain::format
