// ringmain group reset: sets how far a group has come. Shows what it would do, and does it only
// when told to.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/partition_choice.hpp"
#include "cli/start_position.hpp"
#include "cli/table.hpp"
#include "commands.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string group;
  std::string to;
  std::vector<std::string> topics;
  bool dry_run = false;
  bool execute = false;
};

struct Move {
  TopicPartition partition;
  std::optional<int64_t> from;
  int64_t to = 0;
};

std::map<TopicPartition, std::optional<int64_t>> look_up(
    Admin& admin, const std::vector<TopicPartition>& partitions, OffsetSpec spec) {
  std::map<TopicPartition, OffsetSpec> wanted;
  for (const TopicPartition& partition : partitions) wanted[partition] = spec;
  return admin.list_offsets(wanted);
}

// Within what is there: an offset beyond either end becomes that end.
std::vector<Move> plan(Admin& admin, const std::vector<TopicPartition>& partitions,
                       StartPosition to) {
  const auto starts = look_up(admin, partitions, OffsetSpec::earliest());
  const auto ends = look_up(admin, partitions, OffsetSpec::latest());
  std::map<TopicPartition, std::optional<int64_t>> instants;
  if (to.kind == StartPosition::Kind::instant)
    instants = look_up(admin, partitions, OffsetSpec::at(to.value));
  std::vector<Move> moves;
  for (const TopicPartition& partition : partitions) {
    const int64_t start = starts.at(partition).value_or(0);
    const int64_t end = std::max(start, ends.at(partition).value_or(0));
    int64_t target = end;
    switch (to.kind) {
      case StartPosition::Kind::earliest:
        target = start;
        break;
      case StartPosition::Kind::latest:
        break;
      case StartPosition::Kind::offset:
        target = to.value;
        break;
      case StartPosition::Kind::last:
        target = end - to.value;
        break;
      case StartPosition::Kind::instant:
        target = instants.at(partition).value_or(end);
        break;
    }
    moves.push_back({partition, std::nullopt, std::clamp(target, start, end)});
  }
  return moves;
}

void refuse_members(const GroupDescription& group) {
  if (group.members.empty() && (group.state == "Empty" || group.state == "Dead")) return;
  throw Failure(
      fmt::format("group {} has {} member(s) and is in state {}: its offsets are theirs; stop them "
                  "first, and reset it then",
                  group.group, group.members.size(), group.state));
}

std::vector<TopicPartition> partitions_to_reset(Admin& admin, const Options& options,
                                                const GroupDescription& group) {
  if (!options.topics.empty()) return chosen_partitions(admin, options.topics);
  std::vector<TopicPartition> partitions;
  for (const GroupOffset& offset : group.offsets)
    if (offset.end_offset) partitions.push_back(offset.partition);  // of topics that are there
  if (partitions.empty())
    throw Failure(fmt::format(
        "group {} has committed no offsets: name the topics with --topic TOPIC", options.group));
  return partitions;
}

void reset(const Options& options, const CommandLine& line) {
  const StartPosition to = parse_start_position(options.to);
  Bus bus = line.open_bus();
  const GroupDescription group = bus.admin().describe_group(options.group);
  refuse_members(group);
  std::vector<Move> moves = plan(bus.admin(), partitions_to_reset(bus.admin(), options, group), to);
  for (Move& move : moves)
    for (const GroupOffset& offset : group.offsets)
      if (offset.partition == move.partition) move.from = offset.committed;
  if (options.execute) {
    std::map<TopicPartition, int64_t> offsets;
    for (const Move& move : moves) offsets[move.partition] = move.to;
    bus.admin().alter_group_offsets(options.group, offsets);
  }
  using enum Table::Align;
  Table table({{"TOPIC"}, {"PARTITION", right}, {"CURRENT", right}, {"NEW", right}});
  for (const Move& move : moves) {
    if (line.json)
      print_json(json::object{
          {"group", options.group},
          {"topic", move.partition.topic},
          {"partition", move.partition.partition},
          {"current_offset", move.from ? json::value(*move.from) : json::value(nullptr)},
          {"new_offset", move.to},
          {"executed", options.execute}});
    table.add({move.partition.topic, fmt::to_string(move.partition.partition),
               move.from ? fmt::to_string(*move.from) : "-", fmt::to_string(move.to)});
  }
  if (!line.json) standard_output().write(table.text());
  standard_output().flush();
  if (!options.execute)
    print_error(
        "this is what would be done; nothing was changed: say it again with --execute to do it");
}

}  // namespace

void add_group_reset_command(CLI::App& group, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      group.add_subcommand("reset", "Set how far a group has come, while it has no members");
  command->footer(
      "Shows what would change; --execute changes it. An offset that is not in the log becomes the "
      "nearest end of it.\n"
      "Example:\n"
      "  ringmain group reset billing --to earliest\n"
      "  ringmain group reset billing --to @2026-05-01T12:00:00Z --topic events --execute\n"
      "  ringmain group reset billing --to 1000 --topic events:0 --execute");
  command
      ->add_option("GROUP", options->group,
                   "Name of the group; with --topic it need not be there yet")
      ->required();
  command
      ->add_option("--to", options->to,
                   "earliest, latest, an OFFSET, -N for the last N records of each partition, or "
                   "@TIMESTAMP for the first record "
                   "from that time on (ms since 1970, or ISO 8601, UTC if it names no zone)")
      ->required();
  command
      ->add_option(
          "--topic", options->topics,
          "TOPIC, or TOPIC:PARTITION; repeatable. Default: all that the group has committed")
      ->allow_extra_args(false);
  CLI::Option* dry_run =
      command->add_flag("--dry-run", options->dry_run, "Only show it: the default");
  command->add_flag("--execute", options->execute, "Do it")->excludes(dry_run);
  command->callback(
      [options, &line] { line.command = [options, &line] { reset(*options, line); }; });
}

}  // namespace ringmain::tools
