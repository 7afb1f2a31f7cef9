// Histogram: how often each value came, in fixed memory, from 1 to 2^37 (137 s in
// nanoseconds) with an error below 1 %.
//
// One thread writes; any thread or process may read or merge at any time, and then sees each
// bucket as of some moment. Lies in shared memory as it is: no pointers, all zeros is empty.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace ringmain::metrics {

// Log-linear: values below 128 have a bucket each; every later power of two is cut into 128
// equal buckets, so that a bucket's width is at most 1/128 of its values.
class Histogram {
 public:
  static constexpr int max_bits = 37;
  static constexpr uint64_t max_value = (uint64_t{1} << max_bits) - 1;
  static constexpr size_t buckets = size_t{max_bits - 7 + 1} * 128;

  // A value beyond max_value counts as max_value.
  //   Progress: wait-free; no locked instruction, as there is one writer.
  void record(uint64_t value) noexcept {
    if (value > max_value) value = max_value;
    add(counts_[index_of(value)], 1);
    if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
    // The minimum is kept inverted, so that zeroed memory is an empty histogram.
    if (~value > inverted_min_.load(std::memory_order_relaxed)) {
      inverted_min_.store(~value, std::memory_order_relaxed);
    }
  }

  // Adds all that `other` has counted. Called by this histogram's writer.
  void merge(const Histogram& other) noexcept;
  void reset() noexcept;

  uint64_t count() const noexcept;
  uint64_t min() const noexcept;  // 0 when empty
  uint64_t max() const noexcept { return max_.load(std::memory_order_relaxed); }

  // The least value that at least `percent` of all records do not exceed, never understated:
  // the top of its bucket, but not above max(). 0 when empty. Requires 0 <= percent <= 100.
  uint64_t percentile(double percent) const noexcept;

  struct Bucket {
    uint64_t least = 0;    // smallest value in it
    uint64_t largest = 0;  // largest value in it
    uint64_t count = 0;
  };
  Bucket bucket(size_t index) const noexcept {
    return {least_in(index), largest_in(index), counts_[index].load(std::memory_order_relaxed)};
  }

  static constexpr size_t index_of(uint64_t value) noexcept {
    if (value < 128) return static_cast<size_t>(value);
    const int shift = std::bit_width(value) - 8;  // leaves 8 bits: 128..255
    return (static_cast<size_t>(shift) << 7) + static_cast<size_t>(value >> shift);
  }
  static constexpr uint64_t least_in(size_t index) noexcept {
    if (index < 256) return index;
    const size_t shift = (index >> 7) - 1;
    return uint64_t{128 + (index & 127)} << shift;
  }
  static constexpr uint64_t largest_in(size_t index) noexcept { return least_in(index + 1) - 1; }

 private:
  using Counter = std::atomic<uint64_t>;

  static void add(Counter& counter, uint64_t count) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }

  std::array<Counter, buckets> counts_{};
  Counter max_{0};
  Counter inverted_min_{0};
};

static_assert(Histogram::index_of(Histogram::max_value) == Histogram::buckets - 1);
static_assert(Histogram::index_of(127) + 1 == Histogram::index_of(128));
static_assert(Histogram::index_of(255) + 1 == Histogram::index_of(256));
static_assert(Histogram::least_in(Histogram::index_of(1'000'000)) <= 1'000'000);
static_assert(Histogram::max_value > 100'000'000'000, "100 s in nanoseconds");
static_assert(std::is_standard_layout_v<Histogram> && std::atomic<uint64_t>::is_always_lock_free,
              "processes share it");

}  // namespace ringmain::metrics
