// Memory that a process shares with the children it forks later: how a benchmark's processes
// keep step and hand over results. Not part of what is measured.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <new>
#include <type_traits>

#include "base/result.hpp"
#include "os/futex.hpp"

namespace ringmain::tools {

// One T, zeroed and then constructed, in anonymous shared memory.
template <class T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>, "several processes hold it");

 public:
  Shared() {
    void* memory = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
      throw Exception(fail_errno("cannot map memory for a benchmark").value());
    object_ = new (memory) T();
  }
  ~Shared() { ::munmap(object_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  T* object_;
};

// Where a fixed number of processes meet: all go on when the last has come. Waits in the kernel,
// so that nobody spins while another prepares.
class Rendezvous {
 public:
  // `check` is called now and then while waiting, and may throw.
  void meet(
      uint32_t parties, const std::function<void()>& check = [] {}) {
    constexpr int64_t check_every_ns = 50'000'000;
    const uint32_t generation = generation_.load(std::memory_order_acquire);
    //   Order: acq_rel; partner: the other parties' arrivals. What each did before is seen by all.
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(generation + 1, std::memory_order_release);  // SYNC(generation)
      os::futex_wake(generation_, os::wake_all);
      return;
    }
    while (generation_.load(std::memory_order_acquire) == generation) {  // SYNC(generation)
      os::futex_wait(generation_, generation, check_every_ns);
      check();
    }
  }

 private:
  std::atomic<uint32_t> generation_{0};
  std::atomic<uint32_t> arrived_{0};
};

}  // namespace ringmain::tools
