// The turns of the latency measurement.
#include "perf/durable_latency.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "perf/durable_topic.hpp"
#include "perf/payload.hpp"
#include "perf/stopwatch.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {
namespace {

constexpr uint64_t turns_per_run = 20;
constexpr uint64_t warm_up_most = 1000;

class Turns {
 public:
  Turns(const DurablePlan& plan, const Surroundings& around)
      : plan_(plan),
        around_(around),
        topic_(around.bus, perf_topic_name("durable", "latency"), plan.topic_configs),
        appender_(around.bus, topic_.partition()),
        payload_(plan.size_bytes),
        raw_(around.bus.directory(), blocks_of(plan), [&around] { around.check(); }) {}

  DurableLatencyRun run(const std::string& what) {
    DurableLatencyRun result;
    for (const RawWay& way : raw_.list()) result.raw.push_back({way.name});
    const uint64_t turns = std::min(turns_per_run, plan_.latency_count);
    const size_t players = raw_.list().size() + 1;
    for (uint64_t turn = 0; turn < turns; ++turn) {
      around_.progress.show(fmt::format("{}, turn {} of {}", what, turn + 1, turns));
      const uint64_t count =
          plan_.latency_count * (turn + 1) / turns - plan_.latency_count * turn / turns;
      for (size_t i = 0; i < players; ++i) {
        const size_t player = (turn + i) % players;  // nobody always follows the same one
        if (player == 0) {
          append(count, *result.measured.ns);
        } else {
          write_raw(raw_.list()[player - 1], count, *result.raw[player - 1].ns);
        }
      }
    }
    return result;
  }

  void warm_up() {
    metrics::Histogram unused;
    const uint64_t count = std::clamp<uint64_t>(plan_.latency_count / 10, 1, warm_up_most);
    append(count, unused);
    for (const RawWay& way : raw_.list()) write_raw(way, count, unused);
  }

 private:
  // What a record alone needs on disk, at the least.
  static uint32_t blocks_of(const DurablePlan& plan) {
    const uint64_t blocks = (plan.frame_bytes() + raw_block_bytes - 1) / raw_block_bytes;
    return static_cast<uint32_t>(blocks * raw_block_bytes);
  }

  void append(uint64_t count, metrics::Histogram& ns) {
    for (uint64_t i = 0; i < count; ++i) {
      const Bytes value = payload_.make({sequence_++, 0});
      const uint64_t begin = ordered_cycles();
      const int64_t offset = appender_.append(value);
      await_durable(appender_, offset, around_);
      ns.record(scale_.ns(begin, ordered_cycles()));
      around_.check();
    }
  }

  void write_raw(const RawWay& way, uint64_t count, metrics::Histogram& ns) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = raw_.next_place();
      const uint64_t begin = ordered_cycles();
      way.write_durably(at);
      ns.record(scale_.ns(begin, ordered_cycles()));
      around_.check();
    }
  }

  const DurablePlan& plan_;
  const Surroundings& around_;
  const DurableTopic topic_;
  Appender appender_;
  Payload payload_;
  RawWays raw_;
  const CycleScale scale_;
  uint64_t sequence_ = 0;
};

}  // namespace

std::vector<DurableLatencyRun> measure_durable_latency(const DurablePlan& plan,
                                                       const Surroundings& around) {
  Turns turns(plan, around);
  turns.warm_up();
  std::vector<DurableLatencyRun> runs;
  for (uint32_t run = 1; run <= plan.runs; ++run)
    runs.push_back(turns.run(fmt::format("latency, run {} of {}", run, plan.runs)));
  return runs;
}

}  // namespace ringmain::tools
