// `ringmain log locks`: who holds what in shared memory, and who is in the way.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>

#include "base/parse.hpp"
#include "cli/command_line.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "commands.hpp"
#include "inspect/locks.hpp"

namespace ringmain::tools {
namespace {

using enum Table::Align;

std::string or_dash(int64_t number) {
  return number < 0 ? "-" : fmt::to_string(number);
}

std::string producers_table(const std::vector<ProducerLock>& producers) {
  Table table({{"PRODUCER", right},
               {"STATE"},
               {"INTENT"},
               {"SEGMENT", right},
               {"POSITION", right},
               {"BYTES", right},
               {"OFFSET", right}});
  for (const ProducerLock& producer : producers) {
    const bool claims = producer.intent == "claimed" || producer.intent == "abandoned";
    const bool intends = claims || producer.intent == "about";
    table.add({or_dash(producer.pid), producer.process_state, producer.intent,
               intends ? or_dash(producer.segment) : "-", claims ? or_dash(producer.position) : "-",
               intends ? or_dash(producer.bytes) : "-", claims ? or_dash(producer.offset) : "-"});
  }
  return table.text();
}

std::string readers_table(const std::vector<ReaderLock>& readers) {
  Table table({{"READER", right},
               {"STATE"},
               {"PINNED SEGMENT", right},
               {"NEXT OFFSET", right},
               {"SLEEPING"}});
  for (const ReaderLock& reader : readers) {
    table.add({or_dash(reader.pid), reader.process_state,
               reader.pinned_segment ? fmt::format("{}{}", *reader.pinned_segment, reader.holds_all ? " (holds all)" : "") : "-",
               or_dash(reader.next_offset), reader.sleeping ? "yes" : "no"});
  }
  return table.text();
}

void print_as_text(const PartitionLocks& locks) {
  Output& out = standard_output();
  out.write(fmt::format(
      "{}-{}: active segment {}, log starts at segment {}, {} of {} slots of {} in use\n",
      locks.topic, locks.partition, locks.active_segment, locks.log_start_segment,
      locks.slots_in_use, locks.slot_limit, format_bytes(static_cast<uint64_t>(locks.slot_bytes))));
  if (!locks.producers.empty()) out.write(producers_table(locks.producers));
  if (!locks.readers.empty()) out.write(readers_table(locks.readers));
  const auto sentences = who_is_in_the_way(locks);
  for (const std::string& sentence : sentences) out.write_line("In the way: " + sentence);
  if (sentences.empty()) out.write_line("Nobody is in the way.");
}

// The broker's own objects, one a line, with the sentences added.
void print_as_json(const std::string& locks_json, const std::vector<PartitionLocks>& partitions) {
  json::value root = json::parse(locks_json);
  json::array& objects = root.as_object().at("partitions").as_array();
  for (size_t i = 0; i < partitions.size(); ++i) {
    json::array sentences;
    for (const std::string& sentence : who_is_in_the_way(partitions[i]))
      sentences.emplace_back(sentence);
    objects[i].as_object()["in_the_way"] = std::move(sentences);
    print_json(objects[i]);
  }
}

void show_locks(const std::string& topic, const CommandLine& line) {
  Bus bus = line.open_bus();
  const std::string locks_json = bus.admin().describe_locks(topic);
  const auto partitions = parse_locks(locks_json);
  if (line.json) return print_as_json(locks_json, partitions);
  for (size_t i = 0; i < partitions.size(); ++i) {
    if (i != 0) standard_output().write("\n");
    print_as_text(partitions[i]);
  }
}

}  // namespace

void add_log_locks_command(CLI::App& log, CommandLine& line) {
  auto topic = std::make_shared<std::string>();
  CLI::App* command = log.add_subcommand(
      "locks",
      "Show what producers have claimed, which segments readers pin, and who is in the way");
  command->footer("Example:\n  ringmain log locks events");
  command->add_option("TOPIC", *topic, "Only this topic. Default: every topic");
  command->callback(
      [topic, &line] { line.command = [topic, &line] { show_locks(*topic, line); }; });
}

}  // namespace ringmain::tools
