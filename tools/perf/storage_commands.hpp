// The subcommands of `perf` that measure what lies on disk; ../commands.hpp lists the others.
#pragma once

namespace CLI {
class App;
}

namespace ringmain::tools {

struct CommandLine;

void add_perf_durable_command(CLI::App& perf, CommandLine& line);
void add_perf_recover_command(CLI::App& perf, CommandLine& line);
void add_perf_cold_command(CLI::App& perf, CommandLine& line);

}  // namespace ringmain::tools
