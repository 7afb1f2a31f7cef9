// ringmain topic alter: changes a topic's settings while it is in use.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/text.hpp"
#include "commands.hpp"
#include "ringmain/ringmain.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::string topic;
  std::vector<std::string> set;
  std::vector<std::string> unset;
};

void alter(const Options& options, const CommandLine& line) {
  if (options.set.empty() && options.unset.empty())
    throw UsageError("nothing to change: give --config KEY=VALUE or --delete-config KEY");
  ConfigChange change;
  change.set = parse_configs(options.set);
  change.unset = options.unset;
  Bus bus = line.open_bus();
  bus.admin().alter_configs(options.topic, change);
  if (!line.json) return;
  json::object configs;
  for (const ConfigValue& config : bus.admin().describe_configs(options.topic))
    if (!config.is_default) configs[config.name] = config.value;
  print_json(json::object{{"name", options.topic}, {"configs", std::move(configs)}});
}

}  // namespace

void add_topic_alter_command(CLI::App& topic, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command = topic.add_subcommand("alter", "Change a topic's settings while it is in use");
  command->footer(
      "All changes of one call hold together or not at all. 'ringmain config describe --topic "
      "NAME' shows the settings,\n"
      "and which of them are fixed.\n"
      "Example:\n"
      "  ringmain topic alter events --config retention.ms=3600000 --delete-config "
      "max.message.bytes");
  command->add_option("NAME", options->topic, "Name of the topic")->required();
  command->add_option("--config", options->set, "Set a setting, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--delete-config", options->unset,
                   "Put a setting back to its default; repeatable")
      ->allow_extra_args(false);
  command->callback(
      [options, &line] { line.command = [options, &line] { alter(*options, line); }; });
}

}  // namespace ringmain::tools
