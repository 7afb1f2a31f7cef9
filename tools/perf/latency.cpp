// `ringmain perf latency`: two processes play ping-pong over two topics, or one sends on a
// schedule; beside it the machine's own limit, between the same processes in the same run.
// Only the parent prints.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <memory>

#include "base/parse.hpp"
#include "cli/build_info.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "metrics/histogram_text.hpp"
#include "os/host.hpp"
#include "perf/latency_players.hpp"
#include "perf/payload.hpp"
#include "perf/plot.hpp"
#include "perf/report.hpp"
#include "perf/topic_guard.hpp"

namespace ringmain::tools {
namespace {

using metrics::Histogram;

struct Options {
  std::string size = "64";
  uint64_t count = 1'000'000;
  std::vector<int> cores;
  std::string wait = "spin";
  uint64_t records_per_s = 0;  // 0: ping-pong, as fast as it goes
  bool shared = false;
  uint32_t runs = 1;
  std::vector<std::string> configs;
  std::string histogram_path;
  std::string plot_path;
};

constexpr uint32_t limit_count_max = 1'000'000;

LatencyPlan plan_of(const Options& options) {
  LatencyPlan plan;
  plan.size_bytes = parse_size_option("--size", options.size);
  plan.interval_ns =
      options.records_per_s > 0 ? 1e9 / static_cast<double>(options.records_per_s) : 0;
  const size_t least = plan.is_scheduled() ? Payload::min_bytes_with_time : Payload::min_bytes;
  if (plan.size_bytes < least) {
    throw UsageError(
        fmt::format("--size must be at least {}: each record carries a number{} that is checked",
                    least, plan.is_scheduled() ? " and a time" : ""));
  }
  if (!options.cores.empty() && options.cores.size() != 2) {
    throw UsageError("--cores must name two, such as 0,1: the sender's and the receiver's");
  }
  plan.count = options.count;
  plan.warm_up = std::clamp<uint64_t>(options.count / 10, 100, 100'000);
  plan.limit_count = static_cast<uint32_t>(std::min<uint64_t>(options.count, limit_count_max));
  if (plan.is_scheduled()) plan.limit_count = std::max<uint32_t>(plan.limit_count / 2, 1);  // each of the two
  plan.limit_warm_up = plan.is_scheduled() ? 100 : std::max<uint32_t>(plan.limit_count / 10, 1000);
  plan.waiting = parse_waiting(options.wait);
  plan.cores = place(2, options.cores);
  plan.one_core = share_a_core(plan.cores);
  plan.runs = options.runs;
  plan.ping_topic = perf_topic_name("latency", "ping");
  plan.pong_topic = perf_topic_name("latency", "pong");
  if (plan.one_core && plan.waiting == Waiting::spin) {
    print_error(fmt::format("both processes run on core {}: waiting with yield instead of spin",
                            plan.cores[0]));
    plan.waiting = Waiting::yield;
  }
  return plan;
}

// All runs together, for the distribution; the figures are medians over the runs.
struct Merged {
  std::unique_ptr<Histogram> measured_ns = std::make_unique<Histogram>();
  std::unique_ptr<Histogram> limit_ns = std::make_unique<Histogram>();
};

Merged merge(const std::vector<LatencyResult>& results) {
  Merged merged;
  for (const LatencyResult& result : results) {
    merged.measured_ns->merge(*result.measured_ns);
    merged.limit_ns->merge(*result.limit_ns);
  }
  return merged;
}

PerfReport report_of(const Options& options, const LatencyPlan& plan, LatencyBoard& board,
                     const std::vector<LatencyResult>& results) {
  std::vector<Percentiles> measured, limit;
  std::vector<double> rates;
  for (const LatencyResult& result : results) {
    measured.push_back(percentiles_of(*result.measured_ns));
    limit.push_back(percentiles_of(*result.limit_ns));
    rates.push_back(result.records_per_s);
  }
  PerfReport report;
  report.name = "latency";
  report.size_bytes = plan.size_bytes;
  report.count = plan.count;
  report.cores = plan.cores;
  report.measured.latency_ns = median_of(measured);
  report.measured.records_per_s = median_of(rates);
  report.measured.bytes_per_s =
      *report.measured.records_per_s * static_cast<double>(plan.size_bytes);
  report.limit_name = PingPong(board.lines, plan.waiting, plan.one_core).name();
  report.limit.latency_ns = median_of(limit);
  report.details = {{"mode", options.shared ? "shared" : "exclusive"},
                    {"wait", waiting_name(plan.waiting)},
                    {"rate", options.records_per_s},
                    {"runs", plan.runs}};
  return report;
}

void write_files(const Options& options, Waiting waiting, const PerfReport& report,
                 const Merged& merged) {
  if (!options.histogram_path.empty()) {
    write_file(options.histogram_path, metrics::to_text(*merged.measured_ns, "latency_ns"));
  }
  if (options.plot_path.empty()) return;
  PlotText text;
  text.title = fmt::format("Ringmain: one-way latency of {} between two processes",
                           format_bytes(report.size_bytes));
  text.what = fmt::format(
      "{} records in {} runs, {}, {}, wait {}, cores {}", report.count * options.runs, options.runs,
      options.records_per_s > 0 ? fmt::format("{} records/s", options.records_per_s) : "ping-pong",
      options.shared ? "shared" : "exclusive", waiting_name(waiting), to_text(report.cores));
  text.machine = fmt::format("{}, kernel {}, commit {}", os::cpu_model(), os::kernel_release(),
                             commit());
  write_file(options.plot_path, plot_latency(text, {"ringmain", *merged.measured_ns},
                                             {"limit: " + report.limit_name, *merged.limit_ns}));
}

Config topic_configs(const Options& options) {
  Config configs = parse_configs(options.configs);
  if (!configs.contains("storage")) configs.emplace("full.policy", "block");  // in memory, and nothing dropped: each record is answered
  configs.emplace("single.producer", options.shared ? "false" : "true");
  return configs;
}

void measure_latency(const Options& options, const CommandLine& line) {
  const LatencyPlan plan = plan_of(options);
  const Shared<LatencyBoard> board;
  Child child("the answering process", [&] {
    board->rendezvous.meet(LatencyBoard::parties);  // the topics are there
    play_ponger(plan, *board, line.open_bus());
    board->rendezvous.meet(
        LatencyBoard::parties);  // nobody lets a topic go that the other still uses
  });
  const StopSignal stop;
  std::vector<LatencyResult> results;
  {
    Bus bus = line.open_bus();
    const TopicGuard ping(bus, plan.ping_topic, topic_configs(options));
    const TopicGuard pong(bus, plan.pong_topic, topic_configs(options));
    board->rendezvous.meet(LatencyBoard::parties, [&] { child.check(); });
    results = play_pinger(plan, *board, bus, child, stop);
    board->rendezvous.meet(LatencyBoard::parties, [&] { child.check(); });
    child.join();
  }
  const PerfReport report = report_of(options, plan, *board, results);
  write_files(options, plan.waiting, report, merge(results));
  if (line.json) {
    print_json(to_json(report));
  } else {
    standard_output().write(to_text(report));
  }
}

}  // namespace

void add_perf_latency_command(CLI::App& perf, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      perf.add_subcommand("latency", "Ping-pong between two processes over two topics");
  command->footer(
      "Latency is half a round trip: append, receive, copy into the answer, receive. With --rate "
      "it is one way, from\n"
      "the time at which the record was due. The limit hands one cache line over (with --wait "
      "sleep: a bare\n"
      "futex) between the same processes on the same cores, before and after each measurement; on the "
      "same schedule.\n"
      "A reader that sleeps spins for 20 us first, so ping-pong rarely gets to sleep: use --rate "
      "1000 for wake-ups.\n"
      "Every record is checked, byte for byte.\n"
      "Example:\n  ringmain perf latency --size 64 --count 1000000 --cores 0,1 --plot latency.svg");
  command->add_option("--size", options->size, "Bytes of a record")->capture_default_str();
  command->add_option("--count", options->count, "How many round trips, or records")
      ->check(whole_number(1, 1'000'000'000))
      ->capture_default_str();
  command
      ->add_option("--cores", options->cores,
                   "Cores of sender and receiver, A,B. Default: two different ones")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--wait", options->wait, "How both wait for records: spin, yield or sleep")
      ->check(CLI::IsMember({"spin", "yield", "sleep"}))
      ->capture_default_str();
  command
      ->add_option("--rate", options->records_per_s,
                   "Send so many records a second on a fixed schedule, instead of ping-pong")
      ->check(whole_number(1, 1'000'000'000));
  CLI::Option* exclusive = command->add_flag_callback(
      "--exclusive", [options] { options->shared = false; },
      "Topics with a single producer, which pays no locked instruction: the default");
  command->add_flag("--shared", options->shared, "Topics with as many producers as like")
      ->excludes(exclusive);
  command->add_option("--runs", options->runs, "Repeat limit and measurement, and report medians")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--config", options->configs, "A setting of the topics, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_option("--histogram", options->histogram_path,
                      "Write the whole distribution to this file");
  command->add_option("--plot", options->plot_path,
                      "Draw it, with the limit's beside it, into this SVG file");
  command->callback(
      [options, &line] { line.command = [options, &line] { measure_latency(*options, line); }; });
}

}  // namespace ringmain::tools
