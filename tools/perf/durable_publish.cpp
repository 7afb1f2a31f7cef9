// The turns of the publish measurement.
#include "perf/durable_publish.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.hpp"
#include "perf/broker_threads.hpp"
#include "perf/durable_topic.hpp"
#include "perf/payload.hpp"
#include "perf/schedule.hpp"
#include "perf/stopwatch.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {
namespace {

constexpr uint64_t turns_per_run = 10;
// Slots that both topics take in turn: neither runs through new memory while it is measured.
constexpr const char* memory_budget_bytes = "68157440";
constexpr uint64_t warm_up_bytes = uint64_t{128} << 20;
constexpr uint64_t warm_up_per_s = 1'000'000;  // so many at least

struct Usage {
  double broker_cpu_s = 0;
  double wall_s = 0;
  double share() const noexcept { return wall_s == 0 ? 0 : broker_cpu_s / wall_s; }
};

class Turns {
 public:
  Turns(const DurablePlan& plan, const Surroundings& around)
      : plan_(plan),
        around_(around),
        memory_topic_(around.bus, perf_topic_name("durable", "memory"), configs(plan, "memory")),
        disk_topic_(around.bus, perf_topic_name("durable", "disk"), configs(plan, "disk")),
        memory_(around.bus, {perf_topic_name("durable", "memory"), 0}),
        disk_(around.bus, disk_topic_.partition()),
        broker_(around.bus.broker_pid()),
        payload_(plan.size_bytes) {}

  void warm_up() {
    around_.progress.show("publish, warm-up");
    metrics::Histogram unused;
    const uint64_t count = warm_up_bytes / plan_.frame_bytes();
    const uint64_t per_s = std::max<uint64_t>(plan_.publish_per_s, warm_up_per_s);
    publish(memory_, count, per_s, unused);
    publish(disk_, count, per_s, unused);
    settle();
  }

  PublishRun run(const std::string& what) {
    PublishRun result;
    Usage on_memory, on_disk;
    const uint64_t turns = std::min(turns_per_run, plan_.publish_count);
    for (uint64_t turn = 0; turn < turns; ++turn) {
      around_.progress.show(fmt::format("{}, turn {} of {}", what, turn + 1, turns));
      const uint64_t count =
          plan_.publish_count * (turn + 1) / turns - plan_.publish_count * turn / turns;
      const auto memory_turn = [&] {
        timed(on_memory, [&] { publish(memory_, count, plan_.publish_per_s, *result.memory_ns); });
      };
      const auto disk_turn = [&] {
        timed(on_disk, [&] { publish(disk_, count, plan_.publish_per_s, *result.disk_ns); });
        settle();
      };
      if (turn % 2 == 0) memory_turn();
      disk_turn();
      if (turn % 2 != 0) memory_turn();
    }
    result.broker_cpu_disk = on_disk.share();
    result.broker_cpu_memory = on_memory.share();
    return result;
  }

 private:
  static Config configs(const DurablePlan& plan, const char* storage) {
    Config configs = plan.topic_configs;
    configs["storage"] = storage;
    configs.emplace("memory.budget.bytes", memory_budget_bytes);
    return configs;
  }

  // On a schedule, counted from the time at which the record was due: a publish that holds up the
  // next ones counts for these, too.
  void publish(Appender& appender, uint64_t count, uint64_t per_s, metrics::Histogram& ns) {
    const Schedule schedule(1e9 / static_cast<double>(per_s));
    for (uint64_t i = 0; i < count; ++i) {
      const Bytes value = payload_.make({sequence_++, 0});
      const uint64_t due = schedule.due_cycles(i);
      schedule.wait_until(due, false);
      last_offset_ = appender.append(value);
      ns.record(scale_.ns(due, ordered_cycles()));
      if (i % schedule.turns_per_check() == 0) around_.check();
    }
  }

  // What the turn on disk has left must not work beside the next turn.
  void settle() { await_durable(disk_, last_offset_, around_); }

  template <class Work>
  void timed(Usage& usage, const Work& work) {
    const double cpu_before = broker_.cpu_seconds();
    const int64_t begin_ns = now_steady_ns();
    work();
    usage.wall_s += static_cast<double>(now_steady_ns() - begin_ns) / 1e9;
    usage.broker_cpu_s += broker_.cpu_seconds() - cpu_before;
  }

  const DurablePlan& plan_;
  const Surroundings& around_;
  const TopicGuard memory_topic_;
  const DurableTopic disk_topic_;
  Appender memory_, disk_;
  const BrokerThreads broker_;
  Payload payload_;
  const CycleScale scale_;
  uint64_t sequence_ = 0;
  int64_t last_offset_ = -1;
};

}  // namespace

std::vector<PublishRun> measure_publish(const DurablePlan& plan, const Surroundings& around) {
  Turns turns(plan, around);
  turns.warm_up();
  std::vector<PublishRun> runs;
  for (uint32_t run = 1; run <= plan.runs; ++run)
    runs.push_back(turns.run(fmt::format("publish, run {} of {}", run, plan.runs)));
  return runs;
}

}  // namespace ringmain::tools
