// The memory policy whose every operation the scheduler decides. Its atomics lie in memory as
// production's do, so the same layouts and templates work over it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "concurrency/scheduler.hpp"

namespace ringmain::sim {

template <class T>
class SimAtomic {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);

 public:
  T load(std::memory_order = std::memory_order_seq_cst) const noexcept {
    if (auto* scheduler = Scheduler::current())
      return static_cast<T>(scheduler->load(&value_, sizeof(T)));
    return value_;
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    if (auto* scheduler = Scheduler::current())
      scheduler->store(&value_, sizeof(T), static_cast<std::uint64_t>(value), order);
    else
      value_ = value;
  }
  T exchange(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("exchanges", [=](T) { return value; });
  }
  T fetch_add(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("adds to", [=](T old) { return static_cast<T>(old + value); });
  }
  T fetch_sub(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("subtracts from", [=](T old) { return static_cast<T>(old - value); });
  }
  T fetch_or(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("ors into", [=](T old) { return static_cast<T>(old | value); });
  }
  T fetch_and(T value, std::memory_order = std::memory_order_seq_cst) noexcept {
    return modify("ands into", [=](T old) { return static_cast<T>(old & value); });
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) noexcept {
    const T wanted = expected;
    expected = modify("compares and swaps", [=](T old) { return old == wanted ? value : old; });
    return expected == wanted;
  }

 private:
  template <class F>
  T modify(const char* what, F change) noexcept {
    if (auto* scheduler = Scheduler::current())
      return static_cast<T>(scheduler->modify(&value_, sizeof(T), what, [&](std::uint64_t old) {
        return static_cast<std::uint64_t>(change(static_cast<T>(old)));
      }));
    const T old = value_;
    value_ = change(old);
    return old;
  }

  T value_;
};

struct SimMemory {
  template <class T>
  using Atomic = SimAtomic<T>;

  static constexpr int kSpinsForAnother = 6;

  // Word by word, each a relaxed store of its own.
  static void write(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at < bytes; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, from + at, 8);
      reinterpret_cast<SimAtomic<std::uint64_t>*>(to + at)->store(word, std::memory_order_relaxed);
    }
  }
  static void pause() noexcept {
    if (auto* scheduler = Scheduler::current()) scheduler->yield();
  }
  static void prefetch_for_write(const void*) noexcept {}
  static void light_barrier(bool full_fence) noexcept {
    if (auto* scheduler = Scheduler::current(); scheduler != nullptr && full_fence)
      scheduler->fence();
  }
  static void heavy_barrier(bool full_fence) noexcept {
    auto* scheduler = Scheduler::current();
    if (scheduler == nullptr) return;
    if (full_fence)
      scheduler->fence();
    else
      scheduler->heavy_barrier();
  }
  static void wake_all(SimAtomic<std::uint32_t>& word) noexcept {
    if (auto* scheduler = Scheduler::current()) scheduler->futex_wake(&word);
  }
};

}  // namespace ringmain::sim
