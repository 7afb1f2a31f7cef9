// `ringmain broker`: serves a bus until SIGINT or SIGTERM. Also what clients start when they find
// no broker.
#include "broker/broker.hpp"

#include <malloc.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <memory>

#include "cli/checks.hpp"
#include "cli/command_line.hpp"
#include "cli/config_file.hpp"
#include "cli/exit.hpp"
#include "cli/json.hpp"
#include "cli/output.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "client/bus_connection.hpp"
#include "commands.hpp"
#include "net/endpoint.hpp"

namespace ringmain::tools {
namespace {

struct Options {
  std::vector<std::string> listeners;
  std::vector<std::string> configs;
  std::string config_file;
  std::string shm_directory;
  int64_t idle_exit_ms = 0;
};

// One write a line, so that lines of several processes on one file do not mix.
void log_line(const std::string& text) {
  const std::string line = text + "\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

// What the command line says holds over the file.
Config configs_of(const Options& options) {
  Config configs = parse_configs(options.configs);
  if (!options.config_file.empty()) configs.merge(read_config_file(options.config_file));
  return configs;
}

void print_listeners(const std::vector<std::string>& addresses, bool as_json) {
  if (as_json) {
    json::array listeners(addresses.begin(), addresses.end());
    print_json(json::object{{"pid", ::getpid()}, {"listeners", std::move(listeners)}});
  } else {
    for (const std::string& address : addresses)
      standard_output().write_line("listening on " + address);
  }
  standard_output().flush();
}

// Memory of requests and answers stays with the process for the next ones. Else each large request is built in pages that
// the system clears first, which takes a quarter of the time that a Produce request takes.
void keep_freed_memory() {
  constexpr int kept_bytes = 64 << 20, mapped_alone_bytes = 32 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kept_bytes);
  ::mallopt(M_MMAP_THRESHOLD, mapped_alone_bytes);
}

void serve(const Options& options, const CommandLine& line) {
  keep_freed_memory();
  broker::BrokerOptions broker_options;
  broker_options.directory =
      line.bus_directory.empty() ? client::default_bus_directory() : line.bus_directory;
  broker_options.shm_directory = options.shm_directory;
  broker_options.listeners = options.listeners;
  broker_options.configs = configs_of(options);
  broker_options.idle_exit_ms = options.idle_exit_ms;
  broker_options.log = log_line;

  StopSignal stop;
  const std::unique_ptr<broker::Broker> broker =
      value_or_throw(broker::Broker::start(std::move(broker_options)));
  const auto stops_broker = stop.call([&broker] { broker->stop(); });
  print_listeners(broker->listener_addresses(), line.json);
  broker->run();
}

}  // namespace

void add_broker_command(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("broker", "Serve a bus: memory, upkeep, and the Kafka protocol");
  command->footer(
      "Clients on this host find the broker through the bus directory and need no listener.\n"
      "Example:\n"
      "  ringmain broker --bus /var/lib/ringmain --listen 0.0.0.0:9092 --config num.partitions=4");
  command
      ->add_option("--listen", options->listeners,
                   "Serve the Kafka protocol at HOST:PORT; repeatable")
      ->check(parsed_by(net::parse_endpoint))
      ->allow_extra_args(false);
  command
      ->add_option("--config", options->configs, "A setting of the broker, KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_option("--config-file", options->config_file,
                      "Settings in TOML; --config holds over them");
  command->add_option(
      "--shm", options->shm_directory,
      "Folder for the bus's shared memory (RINGMAIN_SHM). Default: where this bus's memory is "
      "already, else a folder of the user's on the system's tmpfs");
  command
      ->add_option("--idle-exit-ms", options->idle_exit_ms,
                   "Go when there was no client for so long")
      ->check(whole_number(0))
      ->group("");  // for clients that start a broker
  command->callback(
      [options, &line] { line.command = [options, &line] { serve(*options, line); }; });
}

}  // namespace ringmain::tools
