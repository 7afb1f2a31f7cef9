// How long a process takes from nothing to its first record: open the bus, attach to a topic, append. A
// broker runs already (the first open starts it). Usage: bench_attach [RUNS], on RINGMAIN_BUS.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/clock.hpp"
#include "cli/build_info.hpp"
#include "os/host.hpp"
#include "ringmain/ringmain.hpp"

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 51;
  try {
    ringmain::Bus first = ringmain::Bus::open();
    first.admin().create_topic({.name = "bench-attach", .if_not_exists = true});
    std::vector<double> whole_ms, attach_ms;
    for (int run = 0; run < runs; ++run) {
      const auto begin_ns = ringmain::now_steady_ns();
      ringmain::Bus bus = ringmain::Bus::open();
      const auto opened_ns = ringmain::now_steady_ns();
      ringmain::Appender appender(bus, {"bench-attach", 0});
      appender.append("x");
      const auto end_ns = ringmain::now_steady_ns();
      whole_ms.push_back(static_cast<double>(end_ns - begin_ns) / 1e6);
      attach_ms.push_back(static_cast<double>(end_ns - opened_ns) / 1e6);
    }
    first.admin().delete_topic("bench-attach");
    std::sort(whole_ms.begin(), whole_ms.end());
    std::sort(attach_ms.begin(), attach_ms.end());
    std::printf("commit %s, %s, kernel %s, %d runs\n", ringmain::tools::commit(), ringmain::os::cpu_model().c_str(),
                ringmain::os::kernel_release().c_str(), runs);
    std::printf("attach to a topic and append the first record, ms: p50 %.3f, max %.3f\n",
                attach_ms[attach_ms.size() / 2], attach_ms.back());
    std::printf("the same with opening the bus,                 ms: p50 %.3f, max %.3f\n",
                whole_ms[whole_ms.size() / 2], whole_ms.back());
  } catch (const ringmain::Exception& error) {
    std::fprintf(stderr, "bench_attach: %s\n", error.what());
    return 1;
  }
}
