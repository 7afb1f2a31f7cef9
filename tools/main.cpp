// The `ringmain` command: wires options and subcommands together, and maps errors to exit codes.
#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <utility>

#include "cli/build_info.hpp"
#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/exit.hpp"
#include "cli/help.hpp"
#include "cli/json.hpp"
#include "client/remote_cluster.hpp"
#include "commands.hpp"

namespace ringmain::tools {
namespace {

void add_global_options(CLI::App& app, CommandLine& line) {
  CLI::Option* bus = app.add_option(
      "--bus", line.bus_directory,
      "Bus directory (RINGMAIN_BUS). Default: the user's data folder, the system's for root");
  app.add_option("--bootstrap", line.bootstrap,
                 "HOST:PORT of a Kafka broker, Ringmain's or any other, instead of --bus; for topic, "
                 "config, group, produce and consume")
      ->excludes(bus)
      ->check(not_empty())
      ->check(parsed_by(client::bootstrap_addresses));
  app.add_flag("--no-autostart", line.forbid_autostart,
               "Fail if no broker runs, instead of starting one");
  app.add_flag("--json", line.json, "JSON for machines: one object, or one object a line");
  const auto version_text = [&line]() -> std::string {
    if (line.json) return json::serialize(json::object{{"version", version()}, {"commit", commit()}});
    return fmt::format("ringmain {} ({})", version(), commit());
  };
  app.set_version_flag("--version", version_text, "Print version and commit");
}

void add_commands(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.fallthrough();  // the global options may also follow the command
  add_broker_command(app, line);
  add_topic_command(app, line);
  add_config_command(app, line);
  add_group_command(app, line);
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
    if (std::cout.flush()) return ExitCode::done;
    print_error("cannot write to standard output");
    return ExitCode::failed;
  }
  const std::vector<std::string> unknown = app.remaining(true);
  const bool lacks_command =
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !unknown.empty();
  const std::string what =
      lacks_command ? fmt::format("'{}' is not known here", unknown.front()) : error.what();
  print_error(fmt::format("wrong usage: {}; see '{} --help'", what, command_name(app)));
  return ExitCode::wrong_usage;
}

// Else the next files to be opened become standard input, output and errors. Reading and writing fail as they would.
void hold_standard_descriptors() {
  for (const auto& [fd, mode] : {std::pair{0, O_WRONLY}, std::pair{1, O_RDONLY}, std::pair{2, O_RDWR}})
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", mode));  // takes the lowest number that is free
}

ExitCode run(int argc, const char* const* argv) {
  hold_standard_descriptors();
  CLI::App app("Ringmain: a message bus with Kafka's semantics at shared-memory speed", "ringmain");
  app.footer(
      "Example:\n"
      "  ringmain topic create events\n"
      "  echo hello | ringmain produce events\n"
      "  ringmain consume events --from earliest --max 1\n"
      "Each command has a --help with an example of its own. The options above work with every "
      "command, but for --bootstrap.");
  CommandLine line;
  add_global_options(app, line);
  add_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report(app, error);
  }
  if (line.is_remote() && !line.takes_bootstrap) {
    print_error(fmt::format("wrong usage: '{}' needs the shared memory of a bus on this host: name it with --bus; --bootstrap is "
                            "for topic, config, group, produce and consume",
                            command_name(app)));
    return ExitCode::wrong_usage;
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
