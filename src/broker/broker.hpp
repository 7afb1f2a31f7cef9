// The broker: exactly one per bus directory, does the housekeeping of its topics. Composition
// root: every other module is put together here. One thread runs it; stop() may come from any.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace ringmain::broker {

struct BrokerOptions {
  std::string directory;      // the bus directory; created if missing
  std::string shm_directory;  // folder for shared memory; empty: the bus's last, else the default
  std::vector<std::string> listeners;  // "HOST:PORT" of Kafka listeners over TCP
  std::map<std::string, std::string> configs;  // broker settings, Kafka's names
  // An auto-started broker goes when it has had no client for this long; 0: stays.
  std::int64_t idle_exit_ms = 0;
  // Called for each line of the broker's log: already formatted, without a newline.
  std::function<void(const std::string& line)> log;
};

class Broker {
 public:
  // Takes the bus's lock, recovers what is in shared memory, starts to listen. Errors:
  // already_running (with the holder's pid), permission_denied, no_space, version_mismatch, ...
  static Result<std::unique_ptr<Broker>> start(BrokerOptions options);
  ~Broker();

  // Serves until stop(). The bus's shared memory stays as it is.
  void run();
  void stop() noexcept;  // thread safe and async-signal safe

  // Addresses that the TCP listeners are really bound to ("127.0.0.1:9092").
  std::vector<std::string> listener_addresses() const;

 private:
  class Impl;
  explicit Broker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain::broker
