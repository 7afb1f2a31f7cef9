// What the log's templates need of a machine: atomics, barriers, waiting.
//
// The log is written once, over a memory policy M. Production uses SharedMemory below;
// tests/concurrency runs the same templates under a scheduler that takes every operation's place.
#pragma once

#include <atomic>

#include "format/memory.hpp"
#include "os/cpu.hpp"
#include "os/fault.hpp"
#include "os/futex.hpp"
#include "os/membarrier.hpp"

namespace ringmain::log {

struct SharedMemory : format::SharedMemory {
  // Looks at what another thread is just about to store, before giving up on it: some 100 us.
  static constexpr int kSpinsForAnother = 2000;

  static void pause() noexcept { os::pause(); }
  static void prefetch_for_write(const void* line) noexcept { os::prefetch_write(line); }

  // An asymmetric pair: a store before light_barrier() and a load after it are ordered against
  // whoever calls heavy_barrier(). The light side is on every publish and costs nothing.
  static void light_barrier(bool full_fence) noexcept {
    if (full_fence) [[unlikely]]
      std::atomic_thread_fence(std::memory_order_seq_cst);
    else
      std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  static void heavy_barrier(bool full_fence) noexcept {
    if (full_fence)
      std::atomic_thread_fence(std::memory_order_seq_cst);
    else
      os::global_barrier();
  }

  // Where tests stop or kill a process: see os/fault.hpp.
  static void fault_point(const char* name) noexcept { os::fault_point(name); }

  static void wake_all(std::atomic<std::uint32_t>& word) noexcept { os::futex_wake(word, 1 << 30); }
};

// A named step of a protocol, for policies that can fail there.
template <class M>
void step(const char* name) noexcept {
  if constexpr (requires { M::fault_point(name); }) M::fault_point(name);
}

// The layouts that a policy's log lies in: those of production are format's own types.
template <class M>
struct LayoutOf {
  using type = M;
};
template <>
struct LayoutOf<SharedMemory> {
  using type = format::SharedMemory;
};
template <class M>
using Layout = typename LayoutOf<M>::type;

}  // namespace ringmain::log
