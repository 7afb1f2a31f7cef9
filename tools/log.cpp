// `ringmain log`: looks into the memory of a bus and its files on disk.
#include <CLI/App.hpp>

#include "cli/command_line.hpp"
#include "commands.hpp"

namespace ringmain::tools {

void add_log_command(CLI::App& app, CommandLine& line) {
  CLI::App* log = app.add_subcommand("log", "Look into logs: what is there, and who holds it");
  log->footer("Example:\n  ringmain log locks events\n  ringmain log verify events-0");
  log->require_subcommand(1);
  add_log_dump_command(*log, line);
  add_log_verify_command(*log, line);
  add_log_repair_command(*log, line);
  add_log_locks_command(*log, line);
}

}  // namespace ringmain::tools
