// What the command line said: the options of every command, and the command to run.
#pragma once

#include <functional>
#include <string>

#include "ringmain/bus.hpp"

namespace ringmain::tools {

struct CommandLine {
  std::string bus_directory;  // empty: the default
  std::string bootstrap;      // HOST:PORT of a broker, instead of a bus
  bool forbid_autostart = false;
  bool json = false;
  std::function<void()> command;  // set by the subcommand that was named
  bool takes_bootstrap = false;   // likewise: it needs no shared memory

  BusOptions bus_options() const {
    BusOptions options;
    options.directory = bus_directory;
    options.autostart = !forbid_autostart;
    options.client_id = "ringmain-cli";
    options.bootstrap = bootstrap;
    return options;
  }
  bool is_remote() const { return !bootstrap.empty(); }
  Bus open_bus() const { return Bus::open(bus_options()); }
};

}  // namespace ringmain::tools
