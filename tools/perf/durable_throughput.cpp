// The turns of the throughput measurement.
#include "perf/durable_throughput.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/clock.hpp"
#include "perf/durable_stream.hpp"

namespace ringmain::tools {
namespace {

constexpr uint64_t raw_bytes_most = uint64_t{1} << 30;   // of each raw turn, and of its file
constexpr uint64_t warm_up_bytes = uint64_t{256} << 20;  // until all memory that it uses is there

class RawTurns {
 public:
  RawTurns(const DurablePlan& plan, const Surroundings& around)
      : folder_(around.bus.directory()),
        check_([&around] { around.check(); }),
        stream_(plan.group),
        bytes_(bytes_of(plan)),
        written_(folder_, bytes_, RawFile::Blocks::written, check_) {}

  // Adds to the sums of a run.
  void measure(DurableThroughputRun& sums) {
    sums.overwriting += stream_.bytes_per_s(written_, bytes_, RawStream::Sync::each_group, check_);
    const RawFile fresh(folder_, bytes_, RawFile::Blocks::allocated, check_);
    sums.fresh += stream_.bytes_per_s(fresh, bytes_, RawStream::Sync::each_group, check_);
    sums.unsynced += stream_.bytes_per_s(written_, bytes_, RawStream::Sync::none, check_);
  }

 private:
  static uint64_t bytes_of(const DurablePlan& plan) {
    const uint64_t wanted =
        std::min(plan.throughput_count * plan.frame_bytes() / 2, raw_bytes_most);
    return std::max<uint64_t>(wanted / plan.group.bytes, plan.group.depth) * plan.group.bytes;
  }

  const std::string folder_;
  const std::function<void()> check_;
  RawStream stream_;
  const uint64_t bytes_;
  const RawFile written_;
};

}  // namespace

std::vector<DurableThroughputRun> measure_durable_throughput(const DurablePlan& plan,
                                                             const Surroundings& around) {
  std::vector<DurableThroughputRun> runs;
  around.progress.show("throughput, preparing the raw file");
  RawTurns raw(plan, around);
  for (uint32_t run = 1; run <= plan.runs; ++run) {
    around.progress.show(fmt::format("throughput, run {} of {}", run, plan.runs));
    DurableThroughputRun result;
    raw.measure(result);
    {
      // A topic for each run: its files go before the next one's are made.
      const DurableTopic topic(around.bus, perf_topic_name("durable", "throughput"),
                               plan.topic_configs);
      DurableStream stream(plan, around, topic.partition());
      stream.send(std::max<uint64_t>(
          std::min(warm_up_bytes / plan.frame_bytes(), plan.throughput_count), 1));
      const int64_t begin_ns = now_steady_ns();
      stream.send(plan.throughput_count);
      const auto elapsed_ns = static_cast<double>(now_steady_ns() - begin_ns);
      result.records_per_s = static_cast<double>(plan.throughput_count) * 1e9 / elapsed_ns;
    }
    raw.measure(result);
    for (double* sum : {&result.overwriting, &result.fresh, &result.unsynced}) *sum /= 2;
    runs.push_back(result);
  }
  return runs;
}

}  // namespace ringmain::tools
