// `ringmain top`: a live table of the partitions of a bus: rates, lag, memory, who waits.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/clock.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "inspect/locks.hpp"
#include "inspect/offsets.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  bool once = false;
  std::string interval = "1s";
};

struct Sample {
  int64_t taken_ns = 0;  // steady
  std::vector<PartitionLocks> locks;
  std::vector<OffsetRange> offsets;  // in the order of `locks`
};

// Needs nothing but the public API: a topic that goes meanwhile is left out.
Sample take_sample(Bus& bus, Consumer& consumer) {
  Sample sample;
  for (PartitionLocks& locks : parse_locks(bus.admin().describe_locks(""))) {
    const TopicPartition partition{locks.topic, static_cast<int32_t>(locks.partition)};
    try {
      sample.offsets.push_back(offset_ranges(consumer, {partition}).front());
    } catch (const Exception& error) {
      if (error.code() != ErrorCode::unknown_topic_or_partition) throw;
      continue;
    }
    sample.locks.push_back(std::move(locks));
  }
  sample.taken_ns = now_steady_ns();
  return sample;
}

struct Row {
  const PartitionLocks* locks = nullptr;
  OffsetRange offsets;
  double records_per_s = 0;
  int64_t max_lag = 0;   // of the reader that is furthest behind
  int64_t sleeping = 0;  // readers
};

std::vector<Row> rows_of(const Sample& before, const Sample& now) {
  std::map<std::pair<std::string, int64_t>, int64_t> ends_before;
  for (size_t i = 0; i < before.locks.size(); ++i) {
    ends_before[{before.locks[i].topic, before.locks[i].partition}] = before.offsets[i].end;
  }
  const double seconds = static_cast<double>(now.taken_ns - before.taken_ns) / 1e9;
  std::vector<Row> rows;
  for (size_t i = 0; i < now.locks.size(); ++i) {
    const PartitionLocks& locks = now.locks[i];
    Row row{&locks, now.offsets[i]};
    const auto end_before = ends_before.find({locks.topic, locks.partition});
    if (end_before != ends_before.end() && seconds > 0) {
      row.records_per_s = static_cast<double>(row.offsets.end - end_before->second) / seconds;
    }
    for (const ReaderLock& reader : locks.readers) {
      row.max_lag = std::max(row.max_lag, row.offsets.end - reader.next_offset);
      row.sleeping += reader.sleeping ? 1 : 0;
    }
    rows.push_back(row);
  }
  return rows;
}

void print_as_json(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    print_json(json::object{{"topic", row.locks->topic},
                            {"partition", row.locks->partition},
                            {"start_offset", row.offsets.start},
                            {"end_offset", row.offsets.end},
                            {"records_per_s", number(std::round(row.records_per_s))},
                            {"slots_in_use", row.locks->slots_in_use},
                            {"slot_limit", row.locks->slot_limit},
                            {"slot_bytes", row.locks->slot_bytes},
                            {"producers", row.locks->producers.size()},
                            {"readers", row.locks->readers.size()},
                            {"max_lag", row.max_lag},
                            {"waiting_producers", row.locks->waiting_producers},
                            {"sleeping_readers", row.sleeping}});
  }
}

std::string table_of(const std::vector<Row>& rows) {
  using enum Table::Align;
  Table table({{"TOPIC"},
               {"PARTITION", right},
               {"START", right},
               {"END", right},
               {"RECORDS/S", right},
               {"SLOTS", right},
               {"PRODUCERS", right},
               {"READERS", right},
               {"MAX LAG", right},
               {"WAITING", right}});
  for (const Row& row : rows) {
    table.add(
        {row.locks->topic, fmt::to_string(row.locks->partition), fmt::to_string(row.offsets.start),
         fmt::to_string(row.offsets.end), fmt::format("{:.0f}", row.records_per_s),
         fmt::format("{}/{}", row.locks->slots_in_use, row.locks->slot_limit),
         fmt::to_string(row.locks->producers.size()), fmt::to_string(row.locks->readers.size()),
         fmt::to_string(row.max_lag), fmt::to_string(row.locks->waiting_producers)});
  }
  return table.text();
}

// Redraws in place on a terminal; elsewhere frames follow each other.
void print_frame(const std::vector<Row>& rows, const Options& options, const CommandLine& line,
                 const Bus& bus) {
  if (line.json) {
    print_as_json(rows);
  } else if (options.once) {
    standard_output().write(table_of(rows));
  } else {
    constexpr std::string_view home_and_clear = "\x1b[H\x1b[2J";
    if (::isatty(STDOUT_FILENO) != 0) standard_output().write(home_and_clear);
    standard_output().write(fmt::format("{}  (broker {}, every {}; Ctrl-C ends)\n{}\n",
                                        bus.directory(), bus.broker_pid(), options.interval,
                                        table_of(rows)));
  }
  standard_output().flush();
}

void watch(const Options& options, const CommandLine& line) {
  const int64_t interval_ns = parse_duration_option("--interval", options.interval);
  const StopSignal stop;
  Bus bus = line.open_bus();
  Consumer consumer(bus);
  Sample before = take_sample(bus, consumer);
  while (!stop.wait(interval_ns)) {  // until a signal comes, or once
    Sample now = take_sample(bus, consumer);
    print_frame(rows_of(before, now), options, line, bus);
    if (options.once) return;
    before = std::move(now);
  }
}

}  // namespace

void add_top_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("top", "Watch the partitions of a bus: rates, lag, memory, who waits");
  command->footer(
      "RECORDS/S is the rate since the last frame; MAX LAG belongs to the reader that is furthest "
      "behind;\n"
      "WAITING counts producers that wait for memory.\n"
      "Example:\n  ringmain top --once");
  command->add_flag("--once", options->once,
                    "Print one frame, with the rates of one interval, and exit");
  command->add_option("--interval", options->interval, "Time between frames: 500ms, 1s, 1m")
      ->capture_default_str();
  command->callback(
      [options, &line] { line.command = [options, &line] { watch(*options, line); }; });
}

}  // namespace ringmain::tools
