// A bus: the topics of one bus directory, and this process's attachment to them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "ringmain/admin.hpp"
#include "ringmain/error.hpp"

namespace ringmain {

// Settings by name; names and defaults are Kafka's wherever Kafka has them.
using Config = std::map<std::string, std::string>;

struct BusOptions {
  // The bus directory. Empty: $RINGMAIN_BUS, else the user's data folder (~/.local/share/ringmain),
  // or /var/lib/ringmain for root.
  std::string directory = {};
  // The folder for shared memory of a broker that this process starts. Empty: $RINGMAIN_SHM, else
  // a folder of the user's on the system's tmpfs.
  std::string shm_directory = {};
  // Start a broker if none runs, and again whenever it dies.
  bool autostart = true;
  std::string client_id = "ringmain";
  // HOST:PORT of a Kafka broker, Ringmain's or any other, instead of a bus directory; or several with commas between
  // them, of which the first that can be reached tells who else is there. There is no shared memory then:
  // Admin, Producer and Consumer work over TCP, an Appender or a Reader cannot be made. Nothing is started.
  std::string bootstrap = {};
};

// An open bus. Keeps a control connection to the broker and, when the broker dies, starts or
// awaits the next one; producing and consuming go on meanwhile.
//
// Thread safety: a Bus may be used by any thread at any time. Producers and consumers made from it
// keep what they need of it: it may be moved, or end, before they do. After fork() the child must open a Bus of its own.
class Bus {
 public:
  // Throws Exception: broker_unavailable, permission_denied, version_mismatch, io, request_timed_out (bootstrap),
  // invalid_argument (bootstrap and directory, or no address).
  static Bus open(BusOptions options = {});

  Bus(Bus&&) noexcept;
  Bus& operator=(Bus&&) noexcept;
  ~Bus();

  // Topics, settings, groups. Thread safe.
  Admin& admin() noexcept;

  // Empty with BusOptions::bootstrap.
  const std::string& directory() const noexcept;
  // The process id of the broker last connected to; 0 with BusOptions::bootstrap.
  int broker_pid() const noexcept;

  class Impl;
  Impl& impl() noexcept { return *impl_; }

 private:
  explicit Bus(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain
