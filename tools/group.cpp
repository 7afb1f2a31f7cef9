// `ringmain group`: consumer groups: lists, describes, deletes; resetting: group_reset.cpp.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <map>
#include <memory>

#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/partition_choice.hpp"
#include "cli/table.hpp"
#include "commands.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::tools {
namespace {

json::value number_or_null(const std::optional<int64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}
std::string number_or_dash(const std::optional<int64_t>& number) {
  return number ? fmt::to_string(*number) : "-";
}
std::string text_or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

// Who has which partition.
std::map<TopicPartition, const GroupMember*> owners_of(const GroupDescription& group) {
  std::map<TopicPartition, const GroupMember*> owners;
  for (const GroupMember& member : group.members)
    for (const TopicPartition& partition : member.assignment) owners[partition] = &member;
  return owners;
}

int64_t total_lag(const GroupDescription& group) {
  int64_t total = 0;
  for (const GroupOffset& offset : group.offsets) total += offset.lag().value_or(0);
  return total;
}

void print_as_json(const GroupDescription& group) {
  const auto owners = owners_of(group);
  json::array members;
  for (const GroupMember& member : group.members) {
    json::array assigned;
    for (const TopicPartition& partition : member.assignment)
      assigned.push_back(
          json::object{{"topic", partition.topic}, {"partition", partition.partition}});
    members.push_back(
        json::object{{"member_id", member.member_id},
                     {"instance_id",
                      member.instance_id ? json::value(*member.instance_id) : json::value(nullptr)},
                     {"client_id", member.client_id},
                     {"host", member.client_host},
                     {"partitions", std::move(assigned)}});
  }
  json::array partitions;
  for (const GroupOffset& offset : group.offsets) {
    const auto owner = owners.find(offset.partition);
    partitions.push_back(
        json::object{{"topic", offset.partition.topic},
                     {"partition", offset.partition.partition},
                     {"current_offset", number_or_null(offset.committed)},
                     {"end_offset", number_or_null(offset.end_offset)},
                     {"lag", number_or_null(offset.lag())},
                     {"member_id", owner == owners.end() ? json::value(nullptr)
                                                         : json::value(owner->second->member_id)}});
  }
  print_json(json::object{{"group", group.group},
                          {"state", group.state},
                          {"protocol_type", group.protocol_type},
                          {"protocol", group.protocol},
                          {"total_lag", total_lag(group)},
                          {"members", std::move(members)},
                          {"partitions", std::move(partitions)}});
}

void print_as_text(const GroupDescription& group) {
  Output& out = standard_output();
  out.write(fmt::format(
      "Group:      {}\nState:      {}\nProtocol:   {}\nMembers:    {}\nTotal lag:  {}\n",
      group.group, group.state, text_or_dash(group.protocol), group.members.size(),
      total_lag(group)));
  const auto owners = owners_of(group);
  using enum Table::Align;
  Table table({{"TOPIC"},
               {"PARTITION", right},
               {"CURRENT", right},
               {"END", right},
               {"LAG", right},
               {"MEMBER"},
               {"HOST"},
               {"CLIENT"}});
  for (const GroupOffset& offset : group.offsets) {
    const auto found = owners.find(offset.partition);
    const GroupMember* owner = found == owners.end() ? nullptr : found->second;
    table.add({offset.partition.topic, fmt::to_string(offset.partition.partition),
               number_or_dash(offset.committed), number_or_dash(offset.end_offset),
               number_or_dash(offset.lag()), owner ? owner->member_id : "-",
               owner ? text_or_dash(owner->client_host) : "-",
               owner ? text_or_dash(owner->client_id) : "-"});
  }
  for (const GroupMember& member : group.members)
    if (member.assignment.empty())
      table.add({"-", "-", "-", "-", "-", member.member_id, text_or_dash(member.client_host),
                 text_or_dash(member.client_id)});
  out.write(table.text());
}

void add_list(CLI::App& group, CommandLine& line) {
  CLI::App* command = group.add_subcommand("list", "List the consumer groups");
  command->footer("Example:\n  ringmain group list --json");
  command->callback([&line] {
    line.command = [&line] {
      Bus bus = line.open_bus();
      Table table({{"GROUP"}, {"STATE"}, {"TYPE"}});
      for (const GroupListing& each : bus.admin().list_groups()) {
        if (line.json)
          print_json(json::object{
              {"group", each.group}, {"state", each.state}, {"protocol_type", each.protocol_type}});
        table.add({each.group, text_or_dash(each.state), text_or_dash(each.protocol_type)});
      }
      if (!line.json) standard_output().write(table.text());
    };
  });
}

void add_describe(CLI::App& group, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = group.add_subcommand(
      "describe", "Show a group's state, members, assignment, offsets and lag");
  command->footer(
      "CURRENT is the offset that the group has committed, END is one past the newest record, LAG "
      "what is between.\n"
      "Example:\n  ringmain group describe billing");
  command->add_option("GROUP", *name, "Name of the group")->required();
  command->callback([name, &line] {
    line.command = [name, &line] {
      Bus bus = line.open_bus();
      const GroupDescription found = bus.admin().describe_group(*name);
      if (found.state == "Dead" && found.offsets.empty())
        throw Failure(fmt::format(
            "there is no group {}; 'ringmain group list' shows those there are", *name));
      line.json ? print_as_json(found) : print_as_text(found);
    };
  });
}

void add_delete(CLI::App& group, CommandLine& line) {
  struct Options {
    std::string group;
    std::vector<std::string> topics;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      group.add_subcommand("delete", "Delete a group that has no members, with its offsets");
  command->footer(
      "Example:\n"
      "  ringmain group delete billing\n"
      "  ringmain group delete billing --topic events    forgets how far it is in this topic");
  command->add_option("GROUP", options->group, "Name of the group")->required();
  command
      ->add_option("--topic", options->topics,
                   "Only its offsets of this TOPIC, or of TOPIC:PARTITION; repeatable. Its members "
                   "may not read the topic")
      ->allow_extra_args(false);
  command->callback([options, &line] {
    line.command = [options, &line] {
      Bus bus = line.open_bus();
      if (options->topics.empty()) {
        bus.admin().delete_group(options->group);
        if (line.json) print_json(json::object{{"group", options->group}, {"deleted", true}});
        return;
      }
      const auto partitions = chosen_partitions(bus.admin(), options->topics);
      bus.admin().delete_group_offsets(options->group, partitions);
      if (!line.json) return;
      for (const TopicPartition& each : partitions)
        print_json(json::object{{"group", options->group},
                                {"topic", each.topic},
                                {"partition", each.partition},
                                {"deleted", true}});
    };
  });
}

}  // namespace

void add_group_command(CLI::App& app, CommandLine& line) {
  CLI::App* group = app.add_subcommand("group", "List, describe, reset and delete consumer groups");
  group->footer(
      "Example:\n  ringmain group list\n  ringmain group describe billing\n"
      "  ringmain group describe billing --bootstrap broker.example:9092");
  group->require_subcommand(1);
  group->callback([&line] { line.takes_bootstrap = true; });
  add_list(*group, line);
  add_describe(*group, line);
  add_group_reset_command(*group, line);
  add_delete(*group, line);
}

}  // namespace ringmain::tools
