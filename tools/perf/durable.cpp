// `ringmain perf durable`: what it costs to have records on disk. Latency of the durable ack and
// throughput, beside raw writes to the same file system in the same run; and what publishing costs
// while the persister writes, beside a topic in memory.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "os/host.hpp"
#include "perf/broker_threads.hpp"
#include "perf/durable_report.hpp"
#include "perf/payload.hpp"
#include "perf/placement.hpp"
#include "perf/storage_commands.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::vector<std::string> modes{"latency", "throughput"};
  std::string size = "64";
  uint64_t count = 0;  // 0: the mode's own
  std::string window = "16MiB";
  std::string group = "1MiB";
  uint32_t depth = 4;
  uint64_t rate = 1'000'000;
  std::vector<int> cores;
  uint32_t runs = 1;
  bool shared = false;
  std::vector<std::string> configs;
  DistributionFiles files;

  bool has(const char* mode) const {
    return std::find(modes.begin(), modes.end(), mode) != modes.end();
  }
};

constexpr uint64_t latency_count = 10'000;
constexpr uint64_t publish_count = 5'000'000;
constexpr uint64_t throughput_bytes = uint64_t{4} << 30;
constexpr uint64_t group_bytes_most = uint64_t{64} << 20;

DurablePlan plan_of(const Options& options) {
  DurablePlan plan;
  const bool wants_distribution =
      !options.files.histogram_path.empty() || !options.files.plot_path.empty();
  if (wants_distribution && options.has("latency") == options.has("publish"))
    throw UsageError("--histogram and --plot show one distribution: --mode latency or publish");
  plan.size_bytes = parse_record_size(options.size);
  if (options.cores.size() > 2)
    throw UsageError("--cores names one, such as 0: the producer's; or two: the broker's as well");
  plan.latency_count = options.count != 0 ? options.count : latency_count;
  plan.publish_count = options.count != 0 ? options.count : publish_count;
  plan.throughput_count = options.count != 0
                              ? options.count
                              : std::max<uint64_t>(throughput_bytes / plan.size_bytes, 1);
  plan.publish_per_s = options.rate;
  plan.window_bytes = parse_size_option("--window", options.window);
  const uint64_t group_bytes = parse_size_option("--group", options.group);
  if (group_bytes == 0 || group_bytes % raw_block_bytes != 0 || group_bytes > group_bytes_most)
    throw UsageError("--group must be a multiple of 4096, up to 64 MiB");
  plan.group = {static_cast<uint32_t>(group_bytes), options.depth};
  plan.runs = options.runs;
  plan.cores = options.cores.empty() ? place(1, {}) : place(options.cores.size(), options.cores);
  plan.topic_configs = parse_configs(options.configs);
  plan.topic_configs.emplace("single.producer", options.shared ? "false" : "true");
  return plan;
}

void print(const PerfReport& report, const CommandLine& line) {
  if (line.json) {
    print_json(to_json(report));
  } else {
    standard_output().write(to_text(report));
  }
}

void measure_durable(const Options& options, const CommandLine& line) {
  const DurablePlan plan = plan_of(options);
  StopSignal stop;
  Bus bus = line.open_bus();
  value_or_throw(os::pin_to_core(plan.cores[0]));
  BrokerThreads broker(bus.broker_pid());
  if (plan.cores.size() > 1) broker.pin(plan.cores[1]);
  Progress progress;
  const Surroundings around{bus, stop, progress};
  const auto finish = [&](PerfReport report) {
    progress.clear();
    report.details["broker"] = broker.placement();
    print(report, line);
  };
  if (options.has("latency") || options.has("throughput")) {
    PerfReport report = durable_report(plan, bus.directory());
    report.count = options.has("latency") ? plan.latency_count : plan.throughput_count;
    if (options.has("latency"))
      add_latency(report, options.files, measure_durable_latency(plan, around));
    if (options.has("throughput"))
      add_throughput(report, plan, measure_durable_throughput(plan, around));
    finish(std::move(report));
  }
  if (options.has("publish"))
    finish(publish_report(plan, bus.directory(), options.files, measure_publish(plan, around)));
}

}  // namespace

void add_perf_durable_command(CLI::App& perf, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = perf.add_subcommand(
      "durable", "Records on disk: latency and rate of the durable acknowledgement");
  command->footer(
      "latency     appends one record, waits until it is on disk, and so on. The limit is the "
      "fastest of\n"
      "            five raw ways to overwrite 4 KiB durably (more if the record needs more), in "
      "turns with it\n"
      "throughput  appends without a pause, as long as no more than --window is not on disk yet. "
      "The limit\n"
      "            writes as many bytes raw: io_uring, O_DIRECT, each group synced, over blocks "
      "that were\n"
      "            written before. The same on fresh blocks, and without syncs, stands beside it\n"
      "publish     latency of an append at --rate while the topic goes to disk, beside a topic in "
      "memory\n"
      "With --cores A,B all threads of the broker, the persister among them, run on core B "
      "meanwhile.\n"
      "The disk that is measured is the one of the bus's folder. It needs room for the records, "
      "and for a raw\n"
      "file of up to 2 GiB; both go at the end.\n"
      "Example:\n  ringmain perf durable --size 1024 --mode latency,throughput --runs 5");
  command->add_option("--mode", options->modes, "What to measure: latency, throughput, publish")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"latency", "throughput", "publish"}))
      ->capture_default_str();
  command->add_option("--size", options->size, "Bytes of a record")->capture_default_str();
  command
      ->add_option("--count", options->count,
                   "How many records of each run. Default: 10,000 for latency, 4 GiB of them for "
                   "throughput, 5,000,000 for publish")
      ->check(whole_number(1, 1'000'000'000'000));
  command
      ->add_option("--window", options->window,
                   "Bytes of the log that may be on their way to disk (throughput)")
      ->capture_default_str();
  command->add_option("--group", options->group, "Bytes of a raw write (throughput)")
      ->capture_default_str();
  command->add_option("--depth", options->depth, "Raw writes in flight (throughput)")
      ->check(whole_number(1, 64))
      ->capture_default_str();
  command->add_option("--rate", options->rate, "Records a second (publish)")
      ->check(whole_number(1, 1'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--cores", options->cores,
                   "Core of the producer, or A,B: of the broker as well. Default: the first one, "
                   "and the broker runs where it likes")
      ->delimiter(',')
      ->allow_extra_args(false);
  CLI::Option* exclusive = command->add_flag_callback(
      "--exclusive", [options] { options->shared = false; },
      "Topics with a single producer: the default");
  command->add_flag("--shared", options->shared, "Topics with as many producers as like")
      ->excludes(exclusive);
  command->add_option("--runs", options->runs, "Repeat all, and report medians")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--config", options->configs, "A setting of the topics, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_option("--histogram", options->files.histogram_path,
                      "Write the whole distribution of the latencies to this file");
  command->add_option("--plot", options->files.plot_path,
                      "Draw it, with the limit's beside it, into this SVG file");
  command->callback(
      [options, &line] { line.command = [options, &line] { measure_durable(*options, line); }; });
}

}  // namespace ringmain::tools
