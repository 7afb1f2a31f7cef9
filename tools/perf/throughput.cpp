// `ringmain perf throughput`: producers and consumers, a process each, on one partition; beside it
// the machine's memcpy, in the same run.
// The parent keeps everybody in step and adds up.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "perf/child.hpp"
#include "perf/report.hpp"
#include "perf/throughput_workers.hpp"
#include "perf/topic_guard.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string size = "64";
  uint64_t count = 10'000'000;
  uint32_t producers = 1;
  uint32_t consumers = 1;
  uint32_t batch = 1;
  bool exclusive = false;
  std::vector<int> cores;
  uint32_t runs = 1;
  std::vector<std::string> configs;
};

struct Result {
  std::vector<double> records_per_s;       // by run
  std::vector<MemcpySpeed> memcpy_speeds;  // before each run, and at the end
};

// From the first append until the last process was through.
double seconds_of(const ThroughputPlan& plan, const ThroughputBoard& board) {
  int64_t begin_ns = INT64_MAX, end_ns = 0;
  for (uint32_t i = 0; i < plan.processes(); ++i) {
    if (i < plan.producers) begin_ns = std::min(begin_ns, board.laps[i].begin_ns);
    end_ns = std::max(end_ns, board.laps[i].end_ns);
  }
  return static_cast<double>(end_ns - begin_ns) / 1e9;
}

// The parent's turns: those of take_part(), without the work.
Result keep_in_step(const ThroughputPlan& plan, ThroughputBoard& board,
                    std::vector<Child>& children, const StopSignal& stop) {
  const auto meet = [&] {
    board.rendezvous.meet(plan.parties(), [&] {
      for (Child& child : children) child.check();
      if (stop.requested()) throw Failure("perf throughput was interrupted: there is no result");
    });
  };
  Result result;
  Progress progress;
  const auto await_memcpy = [&] {
    meet();
    meet();
    result.memcpy_speeds.push_back(board.memcpy_speed);
  };
  meet();  // the topic is there
  meet();  // everybody is attached
  progress.show("warm-up");
  for (uint32_t run = 1; run <= plan.runs; ++run) {
    await_memcpy();
    progress.show(fmt::format("run {} of {}", run, plan.runs));
    meet();
    result.records_per_s.push_back(
        std::round(static_cast<double>(plan.count) / seconds_of(plan, board)));
  }
  await_memcpy();
  meet();
  for (Child& child : children) child.join();
  return result;
}

ThroughputPlan plan_of(const Options& options) {
  ThroughputPlan plan;
  plan.size_bytes = parse_size_option("--size", options.size);
  if (plan.size_bytes < sizeof(uint64_t)) {
    throw UsageError("--size must be at least 8: each record carries a number that is checked");
  }
  if (options.exclusive && options.producers > 1)
    throw UsageError("--exclusive is for one producer");
  plan.count = options.count;
  plan.warm_up = std::clamp<uint64_t>(options.count / 10, 1, 1'000'000);
  plan.producers = options.producers;
  plan.consumers = options.consumers;
  plan.batch = options.batch;
  plan.runs = options.runs;
  plan.cores = place(plan.processes(), options.cores);
  plan.topic = perf_topic_name("throughput", "log");
  if (share_a_core(plan.cores)) {
    print_error(
        fmt::format("{} processes share cores {}: consumers wait with yield instead of spin",
                    plan.processes(), to_text(plan.cores)));
    plan.waiting = Waiting::yield;
  }
  return plan;
}

PerfReport report_of(const Options& options, const ThroughputPlan& plan, const Result& result) {
  const auto size = static_cast<double>(plan.size_bytes);
  const MemcpySpeed memcpy_speed = together(result.memcpy_speeds);
  PerfReport report;
  report.name = "throughput";
  report.size_bytes = plan.size_bytes;
  report.count = plan.count;
  report.cores = plan.cores;
  report.measured.records_per_s = median_of(result.records_per_s);
  report.measured.bytes_per_s = *report.measured.records_per_s * size;
  report.limit_name = "memcpy";
  report.limit.bytes_per_s = memcpy_speed.best_bytes_per_s;
  report.limit.records_per_s = memcpy_speed.best_bytes_per_s / size;
  report.details = {{"producers", plan.producers},
                    {"consumers", plan.consumers},
                    {"batch", plan.batch},
                    {"mode", options.exclusive ? "exclusive" : "shared"},
                    {"wait", waiting_name(plan.waiting)},
                    {"runs", plan.runs},
                    {"memcpy_median_bytes_per_s", number(memcpy_speed.median_bytes_per_s)}};
  return report;
}

void measure_throughput(const Options& options, const CommandLine& line) {
  const ThroughputPlan plan = plan_of(options);
  Config configs = parse_configs(options.configs);
  if (!configs.contains("storage")) configs.emplace("full.policy", "block");  // in memory, and nothing dropped: consumers count
  configs.emplace("single.producer", options.exclusive ? "true" : "false");
  // Whoever is faster waits for the other within memory that stays in the CPU's caches: four slots.
  // A producer that runs 256 MiB ahead would only make both of them wait for DRAM.
  if (!configs.contains("slot.bytes")) configs.emplace("memory.budget.bytes", "17039360");

  const Shared<ThroughputBoard> board;
  std::vector<Child> children;
  for (uint32_t i = 0; i < plan.processes(); ++i) {
    const bool sends = i < plan.producers;
    children.emplace_back(
        fmt::format("{} {}", sends ? "producer" : "consumer", sends ? i : i - plan.producers),
        [&] { take_part(plan, *board, i, line.bus_options()); });
  }
  const StopSignal stop;
  Result result;
  {
    Bus bus = line.open_bus();
    const TopicGuard topic(bus, plan.topic, std::move(configs));
    result = keep_in_step(plan, *board, children, stop);
  }
  const PerfReport report = report_of(options, plan, result);
  if (line.json) {
    print_json(to_json(report));
  } else {
    standard_output().write(to_text(report));
  }
}

}  // namespace

void add_perf_throughput_command(CLI::App& perf, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      perf.add_subcommand("throughput", "Producers and consumers on one partition, a process each");
  command->footer(
      "Time runs from the first append until the last consumer has every record. Consumers read in "
      "place and\n"
      "check number and order of each producer's records. The limit is memcpy between two buffers "
      "of 64 MiB\n"
      "on the first core, before each run and at the end: the best of all; its median stands "
      "beside it.\n"
      "Example:\n  ringmain perf throughput --size 64 --count 10000000 --producers 1 --consumers 1 "
      "--exclusive");
  command->add_option("--size", options->size, "Bytes of a record")->capture_default_str();
  command->add_option("--count", options->count, "How many records, of all producers together")
      ->check(whole_number(1, 1'000'000'000'000))
      ->capture_default_str();
  command->add_option("--producers", options->producers, "How many processes send")
      ->check(whole_number(1, processes_max / 2))
      ->capture_default_str();
  command
      ->add_option("--consumers", options->consumers,
                   "How many processes receive, each of them every record")
      ->check(whole_number(1, processes_max / 2))
      ->capture_default_str();
  command->add_option("--batch", options->batch, "Records of one append")
      ->check(whole_number(1, 65536))
      ->capture_default_str();
  command->add_flag("--exclusive", options->exclusive, "A topic with a single producer");
  command
      ->add_option("--cores", options->cores,
                   "Cores of producers, then consumers, A,B,...; used in turn. Default: all")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--runs", options->runs, "Repeat memcpy and measurement, and report medians")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command->add_option("--config", options->configs, "A setting of the topic, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->callback([options, &line] {
    line.command = [options, &line] { measure_throughput(*options, line); };
  });
}

}  // namespace ringmain::tools
