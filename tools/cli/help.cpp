// Help texts, as CLI11 prints them.
#include "cli/help.hpp"

#include <CLI/CLI.hpp>
#include <set>
#include <string>
#include <string_view>

namespace ringmain::tools {
namespace {

constexpr size_t names_columns = 30;        // CLI11's own
constexpr size_t description_columns = 70;  // both fit into 100

// CLI11 indents what follows a line break.
std::string wrap(std::string_view text) {
  std::string wrapped;
  while (text.size() > description_columns) {
    const size_t space = text.rfind(' ', description_columns);
    if (space == std::string_view::npos) break;
    wrapped += text.substr(0, space);
    wrapped += '\n';
    text.remove_prefix(space + 1);
  }
  wrapped += text;
  return wrapped;
}

// Those of main()'s options that a command takes.
const char* global_options(const CLI::App& command) {
  static const std::set<std::string> remote = {"topic", "config", "group", "produce", "consume"};
  const CLI::App* top = &command;
  while (top->get_parent()->get_parent() != nullptr) top = top->get_parent();
  return remote.contains(top->get_name()) ? "--bus, --bootstrap, --json and --no-autostart" : "--bus, --json and --no-autostart";
}

void finish_command(CLI::App& command) {
  for (CLI::Option* option : command.get_options({}))
    option->description(wrap(option->get_description()));
  for (CLI::App* each : command.get_subcommands({})) {
    each->footer(each->get_footer() + "\n" + global_options(*each) + " work here, too: see 'ringmain --help'.");
    finish_command(*each);
  }
}

}  // namespace

void finish_help(CLI::App& app) {
  app.get_formatter()->column_width(names_columns);
  finish_command(app);
}

}  // namespace ringmain::tools
