// How long a group is without an owner for some partitions when a member dies: ten native members
// on a hundred partitions, medians of five.
//
//   RINGMAIN_PERF_DISK=/var/tmp build/release/group_rebalance_perf    # the broker's files on that
//   disk
#include <algorithm>
#include <cstdio>

#include "crash/group_company.hpp"

namespace ringmain::crash {
namespace {

TEST(GroupRebalance, after_a_kill) {
  for (const char* assignor : {"range", "cooperative-sticky"}) {
    std::vector<double> runs;
    for (int i = 0; i < 5; ++i) runs.push_back(rebalance_ms(assignor));
    std::ranges::sort(runs);
    std::printf("%s: all 100 partitions owned again after %.1f ms (%.1f to %.1f); wanted: 50 ms\n",
                assignor, runs[2], runs.front(), runs.back());
  }
}

}  // namespace
}  // namespace ringmain::crash
