// `ringmain topic`: creates, lists, describes, deletes and grows topics.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "inspect/offsets.hpp"

namespace ringmain::tools {
namespace {

json::object brief(const TopicDescription& topic) {
  return {{"name", topic.name}, {"partitions", topic.partitions}};
}

// A topic with all that `describe` shows of it.
struct FullDescription {
  TopicDescription topic;
  std::vector<OffsetRange> offsets;    // by partition
  std::vector<ConfigValue> overrides;  // settings that differ from their default
};

FullDescription describe(Bus& bus, TopicDescription topic) {
  FullDescription full;
  Consumer consumer(bus);
  full.offsets = offset_ranges(consumer, partitions_of(topic));
  for (ConfigValue& config : bus.admin().describe_configs(topic.name)) {
    if (!config.is_default) full.overrides.push_back(std::move(config));
  }
  full.topic = std::move(topic);
  return full;
}

int32_t leader_of(const TopicDescription& topic, size_t partition) {
  return partition < topic.leaders.size() ? topic.leaders[partition] : -1;
}

void print_as_json(const FullDescription& full) {
  json::array partitions;
  for (size_t i = 0; i < full.offsets.size(); ++i) {
    partitions.push_back(json::object{{"partition", i},
                                      {"leader", leader_of(full.topic, i)},
                                      {"start_offset", full.offsets[i].start},
                                      {"end_offset", full.offsets[i].end}});
  }
  json::object configs;
  for (const ConfigValue& config : full.overrides) configs[config.name] = config.value;
  json::object object = brief(full.topic);
  object["partitions"] = std::move(partitions);
  object["configs"] = std::move(configs);
  print_json(object);
}

void print_as_text(const FullDescription& full) {
  Output& out = standard_output();
  out.write(
      fmt::format("Topic:       {}\nPartitions:  {}\n", full.topic.name, full.topic.partitions));
  const char* label = "Configs:     ";
  if (full.overrides.empty()) out.write(fmt::format("{}all at their defaults\n", label));
  for (const ConfigValue& config : full.overrides) {
    out.write(fmt::format("{}{}={}\n", label, config.name, config.value));
    label = "             ";
  }
  using enum Table::Align;
  Table table({{"PARTITION", right}, {"LEADER", right}, {"START", right}, {"END", right}});
  for (size_t i = 0; i < full.offsets.size(); ++i) {
    table.add({fmt::to_string(i), fmt::to_string(leader_of(full.topic, i)),
               fmt::to_string(full.offsets[i].start), fmt::to_string(full.offsets[i].end)});
  }
  out.write(table.text());
}

// For commands that change a topic: silent for people, the topic as it now is for machines.
void print_changed(const CommandLine& line, Bus& bus, const std::string& name) {
  if (line.json) print_json(brief(bus.admin().describe_topic(name)));
}

void add_create(CLI::App& topic, CommandLine& line) {
  struct Options {
    NewTopic topic;
    std::vector<std::string> configs;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = topic.add_subcommand("create", "Create a topic");
  command->footer(
      "Example:\n"
      "  ringmain topic create events --partitions 4 --config max.message.bytes=65536");
  command->add_option("NAME", options->topic.name, "Name of the topic")->required();
  command
      ->add_option("--partitions", options->topic.partitions,
                   "How many partitions. Default: the broker's num.partitions")
      ->check(whole_number(1, INT32_MAX));
  command
      ->add_option(
          "--replication-factor", options->topic.replication_factor,
          "How many copies of each partition. Default: the broker's default.replication.factor")
      ->check(whole_number(1, INT16_MAX));
  command->add_option("--config", options->configs, "A setting of the topic, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--if-not-exists", options->topic.if_not_exists,
                    "Do nothing if there is a topic of this name, whatever its settings");
  command->callback([options, &line] {
    line.command = [options, &line] {
      options->topic.configs = parse_configs(options->configs);
      Bus bus = line.open_bus();
      bus.admin().create_topic(options->topic);
      print_changed(line, bus, options->topic.name);
    };
  });
}

void add_list(CLI::App& topic, CommandLine& line) {
  CLI::App* command = topic.add_subcommand("list", "List the topics of the bus");
  command->footer("Example:\n  ringmain topic list --json");
  command->callback([&line] {
    line.command = [&line] {
      Bus bus = line.open_bus();
      Table table({{"TOPIC"}, {"PARTITIONS", Table::Align::right}});
      for (const TopicDescription& each : bus.admin().list_topics()) {
        if (line.json) print_json(brief(each));
        table.add({each.name, fmt::to_string(each.partitions)});
      }
      if (!line.json) standard_output().write(table.text());
    };
  });
}

void add_describe(CLI::App& topic, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = topic.add_subcommand(
      "describe",
      "Show partitions with leaders and offsets, and the settings that differ from their default");
  command->footer("Example:\n  ringmain topic describe events");
  command->add_option("NAME", *name, "Name of the topic. Default: every topic");
  command->callback([name, &line] {
    line.command = [name, &line] {
      Bus bus = line.open_bus();
      const auto topics = name->empty() ? bus.admin().list_topics()
                                        : std::vector{bus.admin().describe_topic(*name)};
      bool is_first = true;
      for (const TopicDescription& each : topics) {
        const FullDescription full = describe(bus, each);
        if (line.json) {
          print_as_json(full);
          continue;
        }
        if (!is_first) standard_output().write("\n");
        is_first = false;
        print_as_text(full);
      }
    };
  });
}

void add_delete(CLI::App& topic, CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = topic.add_subcommand("delete", "Delete a topic and its records");
  command->footer("Example:\n  ringmain topic delete events");
  command->add_option("NAME", *name, "Name of the topic")->required();
  command->callback([name, &line] {
    line.command = [name, &line] {
      line.open_bus().admin().delete_topic(*name);
      if (line.json) print_json(json::object{{"name", *name}, {"deleted", true}});
    };
  });
}

void add_add_partitions(CLI::App& topic, CommandLine& line) {
  struct Options {
    std::string name;
    int32_t total = 0;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = topic.add_subcommand(
      "add-partitions", "Give a topic more partitions; records that are there stay where they are");
  command->footer("Example:\n  ringmain topic add-partitions events --partitions 8");
  command->add_option("NAME", options->name, "Name of the topic")->required();
  command->add_option("--partitions", options->total, "How many it shall have in all")
      ->required()
      ->check(whole_number(1, INT32_MAX));
  command->callback([options, &line] {
    line.command = [options, &line] {
      Bus bus = line.open_bus();
      bus.admin().add_partitions(options->name, options->total);
      print_changed(line, bus, options->name);
    };
  });
}

}  // namespace

void add_topic_command(CLI::App& app, CommandLine& line) {
  CLI::App* topic = app.add_subcommand("topic", "Create, list, describe, delete and grow topics");
  topic->footer(
      "Example:\n  ringmain topic create events --partitions 4\n  ringmain topic describe events");
  topic->require_subcommand(1);
  add_create(*topic, line);
  add_list(*topic, line);
  add_describe(*topic, line);
  add_delete(*topic, line);
  add_add_partitions(*topic, line);
}

}  // namespace ringmain::tools
