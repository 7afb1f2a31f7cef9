// The memory policy of every shared layout: which atomics it is made of.
//
// Production code uses SharedMemory; the interleaving scheduler of tests/concurrency puts its
// own atomics in their place, so that the very same templates run under it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ringmain::format {

struct SharedMemory {
  template <class T>
  using Atomic = std::atomic<T>;

  // Bytes that only one owner may touch at a time: ordinary stores and loads.
  static void write(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    std::memcpy(to, from, bytes);
  }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free,
              "shared words are read by other processes: no lock may hide in them");
static_assert(sizeof(std::atomic<std::uint64_t>) == 8 && sizeof(std::atomic<std::uint32_t>) == 4);

inline constexpr std::size_t kCacheLineBytes = 64;

}  // namespace ringmain::format
