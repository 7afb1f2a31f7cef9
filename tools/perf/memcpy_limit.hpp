// How fast one core of this machine copies memory: the limit beside every throughput.
#pragma once

#include <vector>

namespace ringmain::tools {

struct MemcpySpeed {
  double best_bytes_per_s = 0;
  double median_bytes_per_s = 0;
};

// On the core that it is called on; takes about 100 ms.
MemcpySpeed measure_memcpy_speed();

// The best of all, and the median of their medians.
MemcpySpeed together(const std::vector<MemcpySpeed>& speeds);

}  // namespace ringmain::tools
