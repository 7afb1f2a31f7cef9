// Socket addresses of TCP, from names and back.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "net/endpoint.hpp"

namespace ringmain::net {

struct TcpAddress {
  sockaddr_storage bytes{};
  socklen_t size_bytes = sizeof bytes;

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&bytes); }
  int family() const { return bytes.ss_family; }
};

// Every address to try for a listener, the likeliest first. May ask a name server: for the
// start of a process, not for the loop.
Result<std::vector<TcpAddress>> addresses_to_bind(const Endpoint& endpoint);

// Every address to try for a connection, the likeliest first. Asks a name server, too. broker_unavailable: nobody knows
// the host.
Result<std::vector<TcpAddress>> addresses_to_connect(const Endpoint& endpoint);

Result<Endpoint> local_endpoint(int socket_fd);
// host "?" when the address is of no family that we know.
Endpoint to_endpoint(const TcpAddress& address);

}  // namespace ringmain::net
