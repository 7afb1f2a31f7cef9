// What the disk itself can do, with the tools of `ringmain perf durable`. Latency: io_uring writes
// of whole blocks to O_DIRECT with RWF_DSYNC, one at a time. Throughput: groups of 1 MiB, four at a
// time, each synced; records fill them without a gap. Both overwrite blocks that were written
// before, which is as fast as it gets. Where the kernel or the file system refuses, the first way
// that works.
#include <algorithm>

#include "adapters/list.hpp"
#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "compare/durable.hpp"
#include "os/host.hpp"
#include "perf/raw_disk.hpp"
#include "perf/stopwatch.hpp"

namespace ringmain::bench {
namespace {

constexpr uint64_t stream_file_bytes = uint64_t{256} << 20;
constexpr tools::GroupSize group{1 << 20, 4};
constexpr uint64_t writes_least = 100;

class DiskLimit final : public LogRival {
 public:
  DiskLimit()
      : LogRival({"disk-limit", "limit: raw disk", "",
                  "latency: io_uring, O_DIRECT, RWF_DSYNC, 4 KiB or what the record needs; "
                  "throughput: 1 MiB each, four "
                  "at a time, synced",
                  Role::limit}) {}

  std::string version() override { return "kernel " + os::kernel_release(); }
  std::string acknowledgement() override { return "synced"; }
  std::unique_ptr<DurableLog> open(const Site&, size_t) override {
    return nullptr;
  }  // play() asks for none

  void play(const Site& site, const DurablePlan& plan, DurableBoard& board) override {
    tools::value_or_throw(os::pin_to_core(plan.core));
    const auto check = [] {};
    const tools::RawFile file(site.folder, stream_file_bytes, tools::RawFile::Blocks::written,
                              check);
    tools::RawStream stream(group);
    for (size_t index = 0; index < plan.sizes.size(); ++index) {
      DurableResult& result = board.results[index];
      measure_latency(site, plan.measure_ns, plan.sizes[index], result.acknowledged_ns);
      const double bytes_per_s =
          stream.bytes_per_s(file, stream_file_bytes, tools::RawStream::Sync::each_group, check);
      result.records_per_s = bytes_per_s / static_cast<double>(plan.sizes[index]);
      result.throughput_count = stream_file_bytes / plan.sizes[index];
    }
  }

 private:
  static void measure_latency(const Site& site, double measure_ns, size_t record_bytes,
                              metrics::Histogram& ns) {
    const uint64_t block = tools::raw_block_bytes;
    const auto write_bytes = static_cast<uint32_t>((record_bytes + block - 1) / block * block);
    tools::RawWays ways(site.folder, write_bytes, [] {});
    const auto& list = ways.list();
    const auto best = std::find_if(list.begin(), list.end(), [](const tools::RawWay& way) {
      return way.name == "io_uring O_DIRECT, RWF_DSYNC";
    });
    const tools::RawWay& way = best == list.end() ? list.front() : *best;
    const tools::CycleScale scale;
    const int64_t end_ns = now_steady_ns() + static_cast<int64_t>(measure_ns);
    for (uint64_t i = 0; i < writes_least || now_steady_ns() < end_ns; ++i) {  // ends with its time
      const uint64_t at = ways.next_place();
      const uint64_t begin = tools::ordered_cycles();
      way.write_durably(at);
      ns.record(scale.ns(begin, tools::ordered_cycles()));
    }
  }
};

}  // namespace

std::unique_ptr<LogRival> make_disk_limit() {
  return std::make_unique<DiskLimit>();
}

}  // namespace ringmain::bench
