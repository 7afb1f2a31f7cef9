// `ringmain perf cold`: how fast a consumer reads what is on disk only, beside a plain read of the
// same files from the page cache; and what that costs a producer.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/output.hpp"
#include "cli/text.hpp"
#include "os/host.hpp"
#include "perf/cold_players.hpp"
#include "perf/durable_topic.hpp"
#include "perf/placement.hpp"
#include "perf/storage_commands.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string bytes = "1GiB";
  std::string size = "1024";
  bool with_producer = false;
  std::vector<int> cores;
  uint32_t runs = 1;
  std::vector<std::string> configs;
};

// None: memory holds the producer back, and it sleeps then. A wait for durability would spin first,
// which would count as the CPU time that its records cost.
constexpr uint64_t window_bytes = uint64_t{1} << 40;
// Four slots: memory passes on, and the rest is on disk alone.
constexpr uint64_t memory_bytes = 4 * 4259840;
constexpr uint64_t append_bytes = uint64_t{128} << 20;

ColdPlan plan_of(const Options& options) {
  ColdPlan plan;
  DurablePlan& durable = plan.durable;
  durable.size_bytes = parse_record_size(options.size);
  if (options.cores.size() > 2)
    throw UsageError(
        "--cores names one, such as 0, or two, such as 0,1: the second is the reader's beside the "
        "producer");
  durable.window_bytes = window_bytes;
  durable.runs = options.runs;
  durable.cores = options.cores.empty() ? place(options.with_producer ? 2 : 1, {})
                                        : place(options.cores.size(), options.cores);
  durable.topic_configs = parse_configs(options.configs);
  durable.topic_configs.emplace("single.producer", "true");
  if (durable.topic_configs.contains("memory.budget.bytes") ||
      durable.topic_configs.contains("slot.bytes"))
    throw UsageError(
        "--config: memory.budget.bytes and slot.bytes are the benchmark's own: they say what has "
        "left memory");
  durable.topic_configs["memory.budget.bytes"] = std::to_string(memory_bytes);
  plan.count =
      std::max<uint64_t>(parse_size_option("--bytes", options.bytes) / durable.frame_bytes(), 1);
  plan.hot_count = memory_bytes / durable.frame_bytes() + 1;
  if (options.with_producer)
    plan.append_count = std::max<uint64_t>(append_bytes / durable.frame_bytes(), 1);
  plan.topic = perf_topic_name("cold", "log");
  return plan;
}

PerfReport report_of(const ColdPlan& plan, const std::vector<ColdRun>& runs) {
  const auto size = static_cast<double>(plan.durable.size_bytes);
  const auto rates = [&](double bytes_per_s) {
    Figures figures;
    figures.bytes_per_s = std::round(bytes_per_s);
    figures.records_per_s = std::round(bytes_per_s / size);
    return figures;
  };
  PerfReport report;
  report.name = "cold";
  report.size_bytes = plan.durable.size_bytes;
  report.count = plan.count;
  report.cores = plan.durable.cores;
  report.measured = rates(median_over(runs, &ColdRun::read_bytes_per_s));
  report.limit_name = "read(2) of the same files, 1 MiB at a time";
  report.limit = rates(median_over(runs, &ColdRun::plain_bytes_per_s));
  report.details = {{"runs", plan.durable.runs}};
  if (plan.append_count == 0) return report;
  const double alone = median_over(runs, &ColdRun::alone_per_cpu_s),
               beside = median_over(runs, &ColdRun::beside_per_cpu_s);
  report.details["producer_per_cpu_s_alone"] = number(std::round(alone));
  report.details["producer_per_cpu_s_beside"] = number(std::round(beside));
  report.details["producer_ratio"] = beside / alone;
  report.details["beside_read_bytes_per_s"] =
      number(std::round(median_over(runs, &ColdRun::beside_read_bytes_per_s)));
  return report;
}

void measure_cold_command(const Options& options, const CommandLine& line) {
  const ColdPlan plan = plan_of(options);
  const Shared<ColdBoard> board;
  std::unique_ptr<Child> child;
  if (options.with_producer)
    child = std::make_unique<Child>("the reading process",
                                    [&] { read_on_demand(plan, *board, line.bus_options()); });
  const StopSignal stop;
  std::vector<ColdRun> runs;
  {
    Bus bus = line.open_bus();
    value_or_throw(os::pin_to_core(plan.durable.cores[0]));
    Progress progress;
    const DurableTopic topic(bus, plan.topic, plan.durable.topic_configs);
    runs = measure_cold(plan, *board, child.get(), {bus, stop, progress});
  }
  const PerfReport report = report_of(plan, runs);
  if (line.json) {
    print_json(to_json(report));
  } else {
    standard_output().write(to_text(report));
  }
}

}  // namespace

void add_perf_cold_command(CLI::App& perf, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = perf.add_subcommand(
      "cold", "Reading what is on disk only, beside a plain read of the same files");
  command->footer(
      "Writes a log and waits until memory has passed on, then reads it through a Reader, in "
      "place, checking each\n"
      "record's number; before and after, the files are read plainly with a buffer of 1 MiB. All "
      "of it comes from\n"
      "the page cache. --with-producer also appends to the same topic, alone and while another "
      "process reads cold,\n"
      "in turns: records for each second of the producer's CPU.\n"
      "Example:\n  ringmain perf cold --bytes 4GiB --with-producer --runs 5");
  command->add_option("--bytes", options->bytes, "Size of the log that is read")
      ->capture_default_str();
  command->add_option("--size", options->size, "Bytes of a record")->capture_default_str();
  command->add_flag("--with-producer", options->with_producer,
                    "Measure a producer as well, with and without a cold reader beside it");
  command
      ->add_option("--cores", options->cores,
                   "Cores of the measuring process and of the reader beside it, A,B. Default: two "
                   "different ones")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--runs", options->runs, "Repeat, and report medians")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command->add_option("--config", options->configs, "A setting of the topic, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->callback([options, &line] {
    line.command = [options, &line] { measure_cold_command(*options, line); };
  });
}

}  // namespace ringmain::tools
