// `ringmain perf recover`: how long a broker takes to serve a log again, after a kill and after a
// clean stop, beside a plain read of what had to be proved; and what many idle partitions cost.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/parse.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "client/bus_connection.hpp"
#include "os/file.hpp"
#include "perf/recover_partitions.hpp"
#include "perf/recover_starts.hpp"
#include "perf/storage_commands.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string bytes = "1GiB";
  std::string size = "1024";
  std::string folder;
  bool keeps_memory = false;
  int32_t partitions = 0;  // 0: measure the starts of one large log
  uint32_t runs = 1;
  std::vector<std::string> configs;
};

constexpr uint64_t window_bytes = uint64_t{16} << 20;

std::string folder_beside_the_bus(const CommandLine& line) {
  const std::string bus =
      line.bus_directory.empty() ? client::default_bus_directory() : line.bus_directory;
  const std::string parent = std::filesystem::absolute(bus).lexically_normal().parent_path();
  value_or_throw(os::make_directories(parent));
  return parent;
}

RecoverPlan plan_of(const Options& options, const CommandLine& line) {
  RecoverPlan plan;
  plan.durable.size_bytes = parse_record_size(options.size);
  plan.durable.window_bytes = window_bytes;
  plan.durable.runs = options.runs;
  plan.durable.topic_configs = parse_configs(options.configs);
  plan.log_bytes = parse_size_option("--bytes", options.bytes);
  plan.parent_folder = options.folder.empty() ? folder_beside_the_bus(line) : options.folder;
  plan.keeps_memory = options.keeps_memory;
  return plan;
}

json::value nanoseconds(double seconds) {
  return number(std::round(seconds * 1e9));
}
std::string milliseconds(double seconds) {
  return fmt::format("{:.2f} ms", seconds * 1e3);
}

// ---- one large log

// Medians over the runs.
struct Row {
  const char* name;
  double ready_s, serving_s, read_s;
  double read_bytes;
  double beyond_empty_s;  // what of `serving_s` an empty log does not take
  double ratio() const { return serving_s / read_s; }
  double ratio_beyond_empty() const { return beyond_empty_s / read_s; }
};

Row row_of(const char* name, const std::vector<RecoverRun>& runs, StartAndRead RecoverRun::*which,
           double empty_s) {
  const auto of = [&](const auto& get) {
    return median_over(runs, [&](const RecoverRun& run) { return get(run.*which); });
  };
  Row row{};
  row.name = name;
  row.ready_s = of([](const StartAndRead& each) { return each.start.ready_s; });
  row.serving_s = of([](const StartAndRead& each) { return each.start.serving_s; });
  row.read_s = of([](const StartAndRead& each) { return each.read_s; });
  row.read_bytes =
      of([](const StartAndRead& each) { return static_cast<double>(each.read_bytes); });
  row.beyond_empty_s = row.serving_s - empty_s;
  return row;
}

PerfReport report_like(const RecoverPlan& plan) {
  PerfReport report;
  report.name = "recover";
  report.size_bytes = plan.durable.size_bytes;
  report.details = {{"runs", plan.durable.runs}};
  return report;
}

json::object to_json(const Row& row) {
  return {
      {"start_ns", nanoseconds(row.serving_s)},
      {"ready_ns", nanoseconds(row.ready_s)},
      {"beyond_empty_ns", nanoseconds(row.beyond_empty_s)},
      {"limit",
       json::object{{"read_ns", nanoseconds(row.read_s)}, {"read_bytes", number(row.read_bytes)}}},
      {"ratio", json::object{{"start", row.ratio()}, {"beyond_empty", row.ratio_beyond_empty()}}}};
}

std::string to_text(const std::vector<Row>& rows, double empty_s) {
  using enum Table::Align;
  Table table({{"START"},
               {"CONNECTS", right},
               {"SERVES", right},
               {"BEYOND EMPTY", right},
               {"TO PROVE", right},
               {"LIMIT: READ", right},
               {"RATIO", right},
               {"BEYOND EMPTY", right}});
  table.add({"of an empty log", "", milliseconds(empty_s), "", "", "", "", ""});
  for (const Row& row : rows)
    table.add({row.name, milliseconds(row.ready_s), milliseconds(row.serving_s),
               milliseconds(row.beyond_empty_s),
               format_bytes(static_cast<uint64_t>(row.read_bytes)), milliseconds(row.read_s),
               fmt::format("{:.2f}", row.ratio()),
               fmt::format("{:.2f}", row.ratio_beyond_empty())});
  return table.text();
}

void measure_log(const RecoverPlan& plan, const CommandLine& line) {
  const StopSignal stop;
  Progress progress;
  const RecoverResult result = measure_recover(plan, stop, progress);
  progress.clear();
  const double empty_s =
      median_over(result.runs, [](const RecoverRun& run) { return run.empty.serving_s; });
  const Row killed = row_of("after a kill", result.runs, &RecoverRun::after_kill, empty_s);
  const Row stopped = row_of("after a clean stop", result.runs, &RecoverRun::after_stop, empty_s);
  PerfReport report = report_like(plan);
  report.count = plan.log_bytes / plan.durable.frame_bytes();
  report.limit_name = "plain cold read of what must be proved";
  report.details["bytes"] = result.log_bytes;
  report.details["memory"] = plan.keeps_memory ? "kept" : "removed";
  report.details["folder"] = result.folder;
  if (line.json) {
    report.details["empty"] = json::object{{"start_ns", nanoseconds(empty_s)}};
    report.details["after_kill"] = to_json(killed);
    report.details["after_stop"] = to_json(stopped);
    print_json(to_json(report));
  } else {
    standard_output().write(heading(report) + to_text({killed, stopped}, empty_s));
  }
}

// ---- many partitions

void measure_many(const RecoverPlan& plan, int32_t partitions, const CommandLine& line) {
  const StopSignal stop;
  Progress progress;
  const std::vector<PartitionsRun> runs = measure_partitions(plan, partitions, stop, progress);
  progress.clear();
  const auto of = [&](double PartitionsRun::*figure) { return median_over(runs, figure); };
  PerfReport report = report_like(plan);
  report.count = static_cast<uint64_t>(partitions);
  report.details["partitions"] = partitions;
  if (line.json) {
    report.details["after_stop"] =
        json::object{{"start_ns", nanoseconds(of(&PartitionsRun::start_after_stop_s))}};
    report.details["after_kill"] =
        json::object{{"start_ns", nanoseconds(of(&PartitionsRun::start_after_kill_s))}};
    report.details["idle_cpu"] = of(&PartitionsRun::cpu_share);
    report.details["shm_bytes_each"] = number(std::round(of(&PartitionsRun::shm_bytes_each)));
    report.details["broker_bytes_each"] = number(std::round(of(&PartitionsRun::broker_bytes_each)));
    print_json(to_json(report));
    return;
  }
  using enum Table::Align;
  Table table({{"PARTITIONS, IDLE"}, {"", right}});
  table.add({"start after a clean stop", milliseconds(of(&PartitionsRun::start_after_stop_s))});
  table.add({"start after a kill", milliseconds(of(&PartitionsRun::start_after_kill_s))});
  table.add({"CPU of the broker", fmt::format("{:.2f} %", 100 * of(&PartitionsRun::cpu_share))});
  table.add({"shared memory, each",
             format_bytes(static_cast<uint64_t>(of(&PartitionsRun::shm_bytes_each)))});
  table.add({"broker's own memory, each",
             format_bytes(static_cast<uint64_t>(of(&PartitionsRun::broker_bytes_each)))});
  standard_output().write(heading(report) + table.text());
}

void measure_recover_command(const Options& options, const CommandLine& line) {
  const RecoverPlan plan = plan_of(options, line);
  options.partitions > 0 ? measure_many(plan, options.partitions, line) : measure_log(plan, line);
}

}  // namespace

void add_perf_recover_command(CLI::App& perf, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = perf.add_subcommand(
      "recover", "Time until a broker serves a log again, after a kill and after a clean stop");
  command->footer(
      "Writes a log on a bus of its own, then kills the broker and starts another, stops it "
      "cleanly and starts\n"
      "another; each time without shared memory, as after a reboot (but for --keep-memory), and "
      "with the log\n"
      "files dropped from the page cache. Time runs until a client has appended a record; CONNECTS "
      "is when the\n"
      "broker's socket answers. The limit reads plainly, and as cold, what had to be proved: each "
      "segment's\n"
      "head, and the segments whose head does not say that they are complete. An empty log's start "
      "stands\n"
      "beside it: the process itself, its catalogue, its memory.\n"
      "Example:\n  ringmain perf recover --bytes 4GiB --runs 5\n  ringmain perf recover "
      "--partitions 1000");
  command->add_option("--bytes", options->bytes, "Size of the log")->capture_default_str();
  command->add_option("--size", options->size, "Bytes of a record")->capture_default_str();
  command->add_option("--dir", options->folder,
                      "Existing folder for the bus, on the disk to be measured. Default: beside "
                      "the bus that --bus names");
  command->add_flag("--keep-memory", options->keeps_memory,
                    "Leave the shared memory, as after the death of a broker alone");
  command
      ->add_option("--partitions", options->partitions,
                   "Measure so many idle partitions instead: starts, CPU, memory")
      ->check(whole_number(1, 100'000));
  command->add_option("--runs", options->runs, "Repeat, and report medians")
      ->check(whole_number(1, 1000))
      ->capture_default_str();
  command->add_option("--config", options->configs, "A setting of the topic, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->callback([options, &line] {
    line.command = [options, &line] { measure_recover_command(*options, line); };
  });
}

}  // namespace ringmain::tools
