// The list of subcommands. Each adds itself to the parser and, when named, puts the function
// that does its job into CommandLine::command.
#pragma once

namespace CLI {
class App;
}

namespace ringmain::tools {

struct CommandLine;

void add_broker_command(CLI::App& app, CommandLine& line);
void add_topic_command(CLI::App& app, CommandLine& line);
void add_topic_trim_command(CLI::App& topic, CommandLine& line);
void add_topic_alter_command(CLI::App& topic, CommandLine& line);
void add_config_command(CLI::App& app, CommandLine& line);
void add_group_command(CLI::App& app, CommandLine& line);
void add_group_reset_command(CLI::App& group, CommandLine& line);
void add_produce_command(CLI::App& app, CommandLine& line);
void add_consume_command(CLI::App& app, CommandLine& line);
void add_log_command(CLI::App& app, CommandLine& line);
void add_log_dump_command(CLI::App& log, CommandLine& line);
void add_log_locks_command(CLI::App& log, CommandLine& line);
void add_log_verify_command(CLI::App& log, CommandLine& line);
void add_log_repair_command(CLI::App& log, CommandLine& line);
void add_top_command(CLI::App& app, CommandLine& line);
void add_perf_command(CLI::App& app, CommandLine& line);
void add_perf_latency_command(CLI::App& perf, CommandLine& line);
void add_perf_throughput_command(CLI::App& perf, CommandLine& line);

}  // namespace ringmain::tools
