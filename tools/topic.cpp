// `ringmain topic`: creates, lists, describes, deletes and grows topics.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>

#include "base/parse.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "inspect/locks.hpp"
#include "inspect/offsets.hpp"
#include "inspect/partition_file.hpp"

namespace ringmain::tools {
namespace {

json::object brief(const TopicDescription& topic) {
  return {{"name", topic.name}, {"partitions", topic.partitions}};
}

// What a partition's shared memory says, looked at from outside: nothing is attached by that.
struct MemoryView {
  uint64_t bytes = 0;
  format::StorageState storage = format::StorageState::none;
  uint64_t durable_offset = 0;
};

// A topic with all that `describe` shows of it.
struct FullDescription {
  TopicDescription topic;
  std::vector<OffsetRange> offsets;               // by partition
  std::vector<std::optional<MemoryView>> memory;  // by partition; none where we may not look
  std::vector<int64_t> disk_bytes;                // by partition
  std::vector<ConfigValue> overrides;             // settings that differ from their default
};

std::optional<MemoryView> look_at(const std::string& path) {
  const auto file = PartitionFile::open(path);
  if (!file) return std::nullopt;  // another user's bus, or gone meanwhile
  const auto control = file->control();
  const auto bytes = file->memory_bytes();
  if (!control || !bytes) return std::nullopt;
  return MemoryView{*bytes, control->storage, control->durable_offset};
}

std::vector<std::optional<MemoryView>> memory_views(Bus& bus, const TopicDescription& topic) {
  std::vector<std::optional<MemoryView>> views(static_cast<size_t>(topic.partitions));
  if (bus.directory().empty()) return views;  // over TCP
  for (const PartitionLocks& locks : parse_locks(bus.admin().describe_locks(topic.name))) {
    const auto partition = static_cast<size_t>(locks.partition);
    if (partition < views.size() && !locks.path.empty()) views[partition] = look_at(locks.path);
  }
  return views;
}

FullDescription describe(Bus& bus, TopicDescription topic) {
  FullDescription full;
  full.offsets = offset_ranges(bus, partitions_of(topic));
  full.memory = memory_views(bus, topic);
  full.disk_bytes = bus.admin().describe_log_sizes(topic.name);
  full.disk_bytes.resize(full.offsets.size());  // should it have grown meanwhile
  for (ConfigValue& config : bus.admin().describe_configs(topic.name)) {
    if (!config.is_default) full.overrides.push_back(std::move(config));
  }
  full.topic = std::move(topic);
  return full;
}

int32_t leader_of(const TopicDescription& topic, size_t partition) {
  return partition < topic.leaders.size() ? topic.leaders[partition] : -1;
}

bool is_on_disk(const MemoryView& memory) {
  return memory.storage != format::StorageState::none;
}

void print_as_json(const FullDescription& full) {
  json::array partitions;
  for (size_t i = 0; i < full.offsets.size(); ++i) {
    json::object partition{{"partition", i},
                           {"leader", leader_of(full.topic, i)},
                           {"start_offset", full.offsets[i].start},
                           {"end_offset", full.offsets[i].end},
                           {"durable_offset", nullptr},
                           {"storage", nullptr},
                           {"memory_bytes", nullptr},
                           {"disk_bytes", full.disk_bytes[i]}};
    if (const auto& memory = full.memory[i]) {
      partition["storage"] = storage_name(memory->storage);
      partition["memory_bytes"] = memory->bytes;
      if (is_on_disk(*memory)) partition["durable_offset"] = memory->durable_offset;
    }
    partitions.push_back(std::move(partition));
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
  Table table({{"PARTITION", right},
               {"LEADER", right},
               {"START", right},
               {"END", right},
               {"DURABLE", right},
               {"STORAGE"},
               {"MEMORY", right},
               {"DISK", right}});
  for (size_t i = 0; i < full.offsets.size(); ++i) {
    const auto& memory = full.memory[i];
    table.add({fmt::to_string(i), fmt::to_string(leader_of(full.topic, i)),
               fmt::to_string(full.offsets[i].start), fmt::to_string(full.offsets[i].end),
               memory && is_on_disk(*memory) ? fmt::to_string(memory->durable_offset) : "-",
               memory ? storage_name(memory->storage) : "-",
               memory ? format_bytes(memory->bytes) : "-",
               format_bytes(static_cast<uint64_t>(full.disk_bytes[i]))});
  }
  out.write(table.text());
}

// For commands that change a topic: silent for people, the topic as it now is for machines.
void print_changed(const CommandLine& line, Bus& bus, const std::string& name) {
  if (line.json) print_json(brief(bus.admin().describe_topic(name)));
}

// The broker says what is wrong; what to do about it here is the command's to say.
void with_advice(ErrorCode code, const char* advice, const std::function<void()>& call) {
  try {
    call();
  } catch (const Exception& error) {
    if (error.code() != code) throw;
    throw Failure(fmt::format("{}; {}", error.what(), advice));
  }
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
      with_advice(ErrorCode::topic_already_exists,
                  "choose another name, or accept that with --if-not-exists",
                  [&] { bus.admin().create_topic(options->topic); });
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
      "Show partitions with leaders, offsets and storage, and the settings that differ from their "
      "default");
  command->footer(
      "Records below DURABLE are on disk. STORAGE is memory (nothing goes to disk), healthy, full "
      "or "
      "failing;\n"
      "MEMORY is what the partition takes of shared memory, DISK what is written of its log files.\n"
      "Example:\n  ringmain topic describe events");
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
      with_advice(ErrorCode::invalid_partitions,
                  "--partitions says how many there shall be in all, and they only become more",
                  [&] { bus.admin().add_partitions(options->name, options->total); });
      print_changed(line, bus, options->name);
    };
  });
}

}  // namespace

void add_topic_command(CLI::App& app, CommandLine& line) {
  CLI::App* topic = app.add_subcommand("topic", "Create, list, describe, alter, delete, grow and trim topics");
  topic->footer(
      "Example:\n  ringmain topic create events --partitions 4\n  ringmain topic describe events\n"
      "  ringmain topic list --bootstrap broker.example:9092");
  topic->require_subcommand(1);
  topic->callback([&line] { line.takes_bootstrap = true; });
  add_create(*topic, line);
  add_list(*topic, line);
  add_describe(*topic, line);
  add_delete(*topic, line);
  add_add_partitions(*topic, line);
  add_topic_trim_command(*topic, line);
  add_topic_alter_command(*topic, line);
}

}  // namespace ringmain::tools
