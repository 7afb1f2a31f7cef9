// Listener: a socket that is bound and listening, not yet served.
//
// Binding apart from serving lets a broker fail early, and know its port before it tells
// anybody.
#pragma once

#include <string>

#include "net/endpoint.hpp"
#include "net/transport.hpp"
#include "os/fd.hpp"

namespace ringmain::net {

class Listener {
 public:
  // As os::listen_unix gives it. `path` is for messages.
  static Listener on_unix_socket(os::UniqueFd listening_socket, std::string path);

  // A name takes the first of its addresses that can be bound; no name, every address of
  // the host, IPv6 and IPv4.
  static Result<Listener> on_tcp(const Endpoint& wanted);

  Transport transport() const noexcept { return transport_; }
  // What is really bound; of a Unix socket, its path and port 0.
  const Endpoint& bound() const noexcept { return bound_; }
  // "unix:PATH" or "HOST:PORT".
  std::string name() const;

  int fd() const noexcept { return socket_.get(); }

 private:
  Listener(os::UniqueFd socket, Transport transport, Endpoint bound)
      : socket_(std::move(socket)), transport_(transport), bound_(std::move(bound)) {}

  os::UniqueFd socket_;  // non-blocking
  Transport transport_;
  Endpoint bound_;
};

}  // namespace ringmain::net
