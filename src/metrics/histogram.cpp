// Reading and merging of histograms: off the hot path.
#include "metrics/histogram.hpp"

#include <algorithm>
#include <cmath>

#include "base/assert.hpp"

namespace ringmain::metrics {

void Histogram::merge(const Histogram& other) noexcept {
  for (size_t i = 0; i < buckets; ++i) {
    const uint64_t count = other.counts_[i].load(std::memory_order_relaxed);
    if (count != 0) add(counts_[i], count);
  }
  max_.store(std::max(max(), other.max()), std::memory_order_relaxed);
  inverted_min_.store(std::max(inverted_min_.load(std::memory_order_relaxed),
                               other.inverted_min_.load(std::memory_order_relaxed)),
                      std::memory_order_relaxed);
}

void Histogram::reset() noexcept {
  for (Counter& counter : counts_) counter.store(0, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
  inverted_min_.store(0, std::memory_order_relaxed);
}

uint64_t Histogram::count() const noexcept {
  uint64_t total = 0;
  for (const Counter& counter : counts_) total += counter.load(std::memory_order_relaxed);
  return total;
}

uint64_t Histogram::min() const noexcept {
  const uint64_t inverted = inverted_min_.load(std::memory_order_relaxed);
  return inverted == 0 ? 0 : ~inverted;
}

uint64_t Histogram::percentile(double percent) const noexcept {
  RINGMAIN_ASSERT(percent >= 0 && percent <= 100);
  const uint64_t total = count();
  if (total == 0) return 0;
  if (percent == 0) return min();
  // Rank from the top: 99.999 % of a large count stays exact where a rank from below would be
  // rounded up to the next record.
  const auto above =
      static_cast<uint64_t>(std::floor(static_cast<double>(total) * (100 - percent) / 100 + 1e-9));
  const uint64_t rank = std::clamp<uint64_t>(total - std::min(above, total), 1, total);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets; ++i) {
    seen += counts_[i].load(std::memory_order_relaxed);
    if (seen >= rank) return std::clamp(largest_in(i), min(), max());
  }
  return max();  // the writer went on meanwhile
}

}  // namespace ringmain::metrics
