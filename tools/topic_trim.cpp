// ringmain topic trim: lets a topic's partitions start later.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <boost/json.hpp>
#include <memory>
#include <numeric>
#include <vector>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/start_position.hpp"
#include "cli/table.hpp"
#include "commands.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::tools {
namespace {

namespace json = boost::json;

struct Options {
  std::string topic;
  std::string before;
  std::vector<int32_t> partitions;
};

constexpr int64_t kToTheEnd = -1;

// What stays begins here.
int64_t target_of(Admin& admin, const TopicPartition& partition, StartPosition before) {
  const auto look_up = [&](OffsetSpec spec) { return admin.list_offsets({{partition, spec}}).at(partition); };
  using enum StartPosition::Kind;
  switch (before.kind) {
    case offset: return before.value;
    case latest: return kToTheEnd;
    case earliest: return 0;
    case last: {
      const int64_t end = look_up(OffsetSpec::latest()).value_or(0);
      return std::max<int64_t>(end - before.value, 0);
    }
    case instant: {
      return look_up(OffsetSpec::at(before.value)).value_or(kToTheEnd);
    }
  }
  return 0;
}

void trim(const Options& options, const CommandLine& line) {
  const StartPosition before = parse_start_position(options.before);
  Bus bus = line.open_bus();
  std::vector<int32_t> partitions = options.partitions;
  if (partitions.empty()) {
    partitions.resize(static_cast<size_t>(bus.admin().describe_topic(options.topic).partitions));
    std::iota(partitions.begin(), partitions.end(), 0);
  }
  Table table({{"PARTITION", Table::Align::right}, {"START", Table::Align::right}});
  for (const int32_t partition : partitions) {
    const int64_t target = target_of(bus.admin(), {options.topic, partition}, before);
    const int64_t start = bus.admin().delete_records(options.topic, partition, target);
    table.add({fmt::to_string(partition), fmt::to_string(start)});
    if (line.json)
      print_json(json::object{{"topic", options.topic}, {"partition", partition}, {"start_offset", start}});
  }
  if (!line.json) standard_output().write(table.text());
}

}  // namespace

void add_topic_trim_command(CLI::App& topic, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = topic.add_subcommand("trim", "Delete a topic's oldest records: let its partitions start later");
  command->footer(
      "Tells where each partition starts then: no earlier than before.\n"
      "Example:\n"
      "  ringmain topic trim events --before 1000 --partition 0\n"
      "  ringmain topic trim events --before @2026-05-01T12:00:00Z\n"
      "  ringmain topic trim events --before latest");
  command->add_option("NAME", options->topic, "Name of the topic")->required();
  command
      ->add_option("--before", options->before,
                   "The first record that stays: an OFFSET, @TIME for the first from that time on, -N for the newest N, "
                   "or latest for none")
      ->required();
  command->add_option("--partition", options->partitions, "This partition; repeatable. Default: all")
      ->allow_extra_args(false)
      ->check(whole_number(0, INT32_MAX));
  command->callback([options, &line] { line.command = [options, &line] { trim(*options, line); }; });
}

}  // namespace ringmain::tools
