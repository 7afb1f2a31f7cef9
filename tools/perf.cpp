// `ringmain perf`: measures a bus on this machine, beside what the machine itself can do.
#include <CLI/App.hpp>

#include "cli/command_line.hpp"
#include "commands.hpp"
#include "perf/storage_commands.hpp"

namespace ringmain::tools {

void add_perf_command(CLI::App& app, CommandLine& line) {
  CLI::App* perf =
      app.add_subcommand("perf", "Measure latency and throughput, beside the machine's own limit");
  perf->footer("Example:\n  ringmain perf latency --size 64 --count 1000000");
  perf->require_subcommand(1);
  add_perf_latency_command(*perf, line);
  add_perf_throughput_command(*perf, line);
  add_perf_durable_command(*perf, line);
  add_perf_recover_command(*perf, line);
  add_perf_cold_command(*perf, line);
}

}  // namespace ringmain::tools
