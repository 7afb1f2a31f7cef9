// The `ringmain` command: wires options and subcommands together, and maps errors to exit codes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/help.hpp"
#include "commands.hpp"

namespace ringmain::tools {
namespace {

void add_global_options(CLI::App& app, CommandLine& line) {
  app.add_option(
      "--bus", line.bus_directory,
      "Bus directory (RINGMAIN_BUS). Default: the user's data folder, the system's for root");
  app.add_flag("--no-autostart", line.forbid_autostart,
               "Fail if no broker runs, instead of starting one");
  app.add_flag("--json", line.json, "JSON for machines: one object, or one object a line");
  app.set_version_flag("--version", "ringmain " RINGMAIN_VERSION " (" RINGMAIN_COMMIT ")",
                       "Print version and commit");
}

void add_commands(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.fallthrough();  // the global options may also follow the command
  add_broker_command(app, line);
  add_topic_command(app, line);
  add_produce_command(app, line);
  add_consume_command(app, line);
  add_log_command(app, line);
  add_top_command(app, line);
  add_perf_command(app, line);
  finish_help(app);
}

// "ringmain topic create": the command as far as it was understood.
std::string command_name(const CLI::App& app) {
  std::string name = "ringmain";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  return name;
}

ExitCode report(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) {  // --help, --version
    app.exit(error, std::cout, std::cerr);
    return std::cout.flush() ? ExitCode::done : ExitCode::failed;
  }
  const std::vector<std::string> unknown = app.remaining(true);
  const bool lacks_command =
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !unknown.empty();
  const std::string what =
      lacks_command ? fmt::format("'{}' is not known here", unknown.front()) : error.what();
  print_error(fmt::format("wrong usage: {}; see '{} --help'", what, command_name(app)));
  return ExitCode::wrong_usage;
}

ExitCode run(int argc, const char* const* argv) {
  CLI::App app("Ringmain: a message bus with Kafka's semantics at shared-memory speed", "ringmain");
  app.footer(
      "Example:\n"
      "  ringmain topic create events\n"
      "  echo hello | ringmain produce events\n"
      "  ringmain consume events --from earliest --max 1\n"
      "Each command has a --help with an example of its own. The options above work with every "
      "command.");
  CommandLine line;
  add_global_options(app, line);
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  return run_command(line.command);
}

}  // namespace
}  // namespace ringmain::tools

int main(int argc, char** argv) {
  // A closed pipe is noticed where it is written to (cli/output.cpp).
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(ringmain::tools::run(argc, argv));
}
