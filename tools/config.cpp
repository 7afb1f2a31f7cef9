// `ringmain config`: the settings of topics and brokers: shows, sets, unsets.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <vector>

#include "base/parse.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::tools {
namespace {

// Whose settings.
struct Target {
  std::string topic;
  int32_t broker = kThisBroker;

  std::vector<ConfigValue> describe(Bus& bus) const {
    return topic.empty() ? bus.admin().describe_broker_configs(broker)
                         : bus.admin().describe_configs(topic);
  }
  void alter(Bus& bus, const ConfigChange& change) const {
    if (topic.empty()) return bus.admin().alter_broker_configs(change, broker);
    bus.admin().alter_configs(topic, change);
  }
};

struct Options {
  Target target;
  std::vector<std::string> settings;  // names, or KEY=VALUE
};

const char* source_name(ConfigSource source) {
  switch (source) {
    case ConfigSource::topic:
      return "topic";
    case ConfigSource::broker_dynamic:
      return "broker, changed while it runs";
    case ConfigSource::broker_start:
      return "broker, as it was started";
    case ConfigSource::preset:
      return "default";
    case ConfigSource::unknown:
      break;
  }
  return "unknown";
}

// For machines: one word.
const char* source_word(ConfigSource source) {
  switch (source) {
    case ConfigSource::topic:
      return "topic";
    case ConfigSource::broker_dynamic:
      return "broker_dynamic";
    case ConfigSource::broker_start:
      return "broker_start";
    case ConfigSource::preset:
      return "default";
    case ConfigSource::unknown:
      break;
  }
  return "unknown";
}

// A number whose unit its name tells, as people read it, too: "604800000 (7d)".
std::string readable(const std::string& name, const std::string& value) {
  constexpr int64_t ns_per_ms = 1'000'000;
  constexpr int64_t unlimited_ms = INT64_MAX / ns_per_ms;
  if (value.empty()) return "-";
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return value;
  if (name.ends_with(".ms") && number >= 1000 && number < unlimited_ms)
    return fmt::format("{} ({})", value, format_duration_ns(number * ns_per_ms));
  const bool is_size = name.ends_with(".bytes") || name.ends_with(".size");
  if (is_size && number >= 1024)
    return fmt::format("{} ({})", value, format_bytes(static_cast<uint64_t>(number)));
  return value;
}

json::object as_json(const ConfigValue& config) {
  json::object object{{"name", config.name},
                      {"value", nullptr},
                      {"source", source_word(config.source)},
                      {"default", nullptr},
                      {"read_only", config.read_only},
                      {"documentation", config.documentation}};
  if (!config.is_secret) object["value"] = config.value;
  if (config.preset) object["default"] = *config.preset;
  return object;
}

void describe(const Options& options, const CommandLine& line) {
  Bus bus = line.open_bus();
  const auto all = options.target.describe(bus);
  std::vector<ConfigValue> wanted;
  for (const std::string& name : options.settings) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const ConfigValue& each) { return each.name == name; });
    if (found == all.end())
      throw Failure(fmt::format(
          "there is no setting {}; 'ringmain config describe' without a name shows those there are",
          name));
    wanted.push_back(*found);
  }
  Table table({{"SETTING"}, {"VALUE"}, {"DEFAULT"}, {"SOURCE"}, {"FIXED"}});
  for (const ConfigValue& config : options.settings.empty() ? all : wanted) {
    if (line.json) print_json(as_json(config));
    table.add({config.name, config.is_secret ? "(secret)" : readable(config.name, config.value),
               config.preset ? readable(config.name, *config.preset) : "-",
               source_name(config.source), config.read_only ? "yes" : "no"});
  }
  if (!line.json) standard_output().write(table.text());
}

// Silent for people; for machines the settings that were named, as they are now.
void change(const Options& options, const CommandLine& line, const ConfigChange& change) {
  Bus bus = line.open_bus();
  options.target.alter(bus, change);
  if (!line.json) return;
  for (const ConfigValue& config : options.target.describe(bus)) {
    const bool is_unset =
        std::find(change.unset.begin(), change.unset.end(), config.name) != change.unset.end();
    if (is_unset || change.set.contains(config.name)) print_json(as_json(config));
  }
}

CLI::App* add_part(CLI::App& config, const char* name, const char* description, const char* footer,
                   const std::shared_ptr<Options>& options) {
  CLI::App* command = config.add_subcommand(name, description);
  command->footer(footer);
  CLI::Option* topic = command->add_option("--topic", options->target.topic, "Of this topic");
  command
      ->add_option("--broker", options->target.broker,
                   "Of the broker of this number. Default: of the broker that answers")
      ->check(whole_number(0, INT32_MAX))
      ->excludes(topic);
  return command;
}

void add_describe(CLI::App& config, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_part(config, "describe", "Show settings with their source and their default",
               "FIXED settings cannot be changed now: of a topic, since its memory is laid out by "
               "them; of a broker, "
               "while it runs.\n"
               "Example:\n"
               "  ringmain config describe --topic events\n"
               "  ringmain config describe --topic events retention.ms --json\n"
               "  ringmain config describe --broker 1",
               options);
  command->add_option("SETTING", options->settings, "These settings. Default: all");
  command->callback(
      [options, &line] { line.command = [options, &line] { describe(*options, line); }; });
}

void add_set(CLI::App& config, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_part(config, "set", "Change settings",
               "All changes of one call hold together or not at all; they are durable, and in "
               "force, when it ends.\n"
               "Example:\n"
               "  ringmain config set --topic events retention.ms=3600000 segment.bytes=134217728",
               options);
  command->add_option("CHANGE", options->settings, "KEY=VALUE: a setting and its value; repeatable")
      ->required();
  command->callback([options, &line] {
    line.command = [options, &line] {
      ConfigChange changes;
      for (const std::string& text : options->settings) {
        auto [key, value] = parse_key_value("CHANGE", text);
        changes.set[std::move(key)] = std::move(value);
      }
      change(*options, line, changes);
    };
  });
}

void add_unset(CLI::App& config, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_part(config, "unset", "Put settings back to their defaults",
               "Example:\n  ringmain config unset --topic events retention.ms", options);
  command->add_option("SETTING", options->settings, "A setting; repeatable")->required();
  command->callback([options, &line] {
    line.command = [options, &line] {
      ConfigChange changes;
      changes.unset = options->settings;
      change(*options, line, changes);
    };
  });
}

}  // namespace

void add_config_command(CLI::App& app, CommandLine& line) {
  CLI::App* config =
      app.add_subcommand("config", "Show and change the settings of topics and brokers");
  config->footer(
      "Example:\n  ringmain config describe --topic events\n  ringmain config set --topic events "
      "retention.ms=3600000\n"
      "  ringmain config describe --bootstrap broker.example:9092");
  config->require_subcommand(1);
  config->callback([&line] { line.takes_bootstrap = true; });
  add_describe(*config, line);
  add_set(*config, line);
  add_unset(*config, line);
}

}  // namespace ringmain::tools
