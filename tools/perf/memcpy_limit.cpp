// Timing memcpy.
#include "perf/memcpy_limit.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/clock.hpp"
#include "perf/report.hpp"

namespace ringmain::tools {

MemcpySpeed measure_memcpy_speed() {
  constexpr size_t buffer_bytes = size_t{64} << 20;  // larger than any core's own caches
  constexpr int rounds = 9;
  const auto from = std::make_unique<char[]>(buffer_bytes),
             to = std::make_unique<char[]>(buffer_bytes);
  std::memset(from.get(), 1, buffer_bytes);  // each page is there before it is timed
  std::memcpy(to.get(), from.get(), buffer_bytes);
  std::vector<double> speeds;
  for (int round = 0; round < rounds; ++round) {
    from[static_cast<size_t>(round)] =
        static_cast<char>(round);  // a copy like no other: none can be left out
    const int64_t begin_ns = now_steady_ns();
    std::memcpy(to.get(), from.get(), buffer_bytes);
    asm volatile("" : : "r"(to.get()) : "memory");
    const auto elapsed_ns = static_cast<double>(now_steady_ns() - begin_ns);
    speeds.push_back(std::round(static_cast<double>(buffer_bytes) * 1e9 / elapsed_ns));
  }
  return {*std::max_element(speeds.begin(), speeds.end()), median_of(speeds)};
}

MemcpySpeed together(const std::vector<MemcpySpeed>& speeds) {
  MemcpySpeed all;
  std::vector<double> medians;
  for (const MemcpySpeed& speed : speeds) {
    all.best_bytes_per_s = std::max(all.best_bytes_per_s, speed.best_bytes_per_s);
    medians.push_back(speed.median_bytes_per_s);
  }
  all.median_bytes_per_s = std::round(median_of(std::move(medians)));
  return all;
}

}  // namespace ringmain::tools
