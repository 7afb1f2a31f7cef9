// A broker of a turn's own, in the turn's folders. One thread.
#pragma once

#include <fcntl.h>

#include "cli/exit.hpp"
#include "compare/rival.hpp"
#include "harness/server.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::bench {

class RingmainServer {
 public:
  // Returns when it can be connected to.
  explicit RingmainServer(const Site& site)
      : server_("the Ringmain broker",
                {site.ringmain, "--json", "--bus", site.folder + "/bus", "broker", "--shm",
                 site.memory_folder + "/bus"},
                site.folder + "/broker.log", site.server_cores) {
    server_.await([this] { return server_.has_said("{"); }, site.check);  // its one line
  }

  // In the processes that use it.
  static Bus open_bus(const Site& site) {
    BusOptions options;
    options.directory = site.folder + "/bus";
    options.autostart = false;
    options.client_id = "compare";
    return Bus::open(options);
  }

 private:
  Server server_;
};

}  // namespace ringmain::bench
