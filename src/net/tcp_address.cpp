// getaddrinfo, getnameinfo and getsockname.
#include "net/tcp_address.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <array>
#include <cstring>
#include <memory>

namespace ringmain::net {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

TcpAddress copy_of(const addrinfo& found) {
  TcpAddress address;
  std::memcpy(&address.bytes, found.ai_addr, found.ai_addrlen);
  address.size_bytes = found.ai_addrlen;
  return address;
}

// A name that has both kinds is reached over IPv4 by more clients; "every address" is the
// other way round, because an IPv6 socket takes IPv4 too.
int first_family(const Endpoint& endpoint) {
  return endpoint.host.empty() ? AF_INET6 : AF_INET;
}

// Gives the resolver's error, or 0 and the addresses.
int look_up(const Endpoint& endpoint, int flags, std::vector<TcpAddress>& addresses) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  const std::string port = std::to_string(endpoint.port);
  addrinfo* list = nullptr;
  const char* host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  if (const int error = ::getaddrinfo(host, port.c_str(), &hints, &list); error != 0) return error;
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  std::vector<TcpAddress> first;
  std::vector<TcpAddress> second;
  for (const addrinfo* found = list; found != nullptr; found = found->ai_next) {
    (found->ai_family == first_family(endpoint) ? first : second).push_back(copy_of(*found));
  }
  first.insert(first.end(), second.begin(), second.end());
  addresses = std::move(first);
  return 0;
}

}  // namespace

Result<std::vector<TcpAddress>> addresses_to_bind(const Endpoint& endpoint) {
  std::vector<TcpAddress> addresses;
  if (const int error = look_up(endpoint, AI_PASSIVE, addresses); error != 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot listen on {}: {}", to_string(endpoint), ::gai_strerror(error)));
  }
  return addresses;
}

Result<std::vector<TcpAddress>> addresses_to_connect(const Endpoint& endpoint) {
  std::vector<TcpAddress> addresses;
  if (const int error = look_up(endpoint, 0, addresses); error != 0) {
    return fail(ErrorCode::broker_unavailable,
                fmt::format("cannot find host {}: {}", endpoint.host, ::gai_strerror(error)));
  }
  return addresses;
}

Result<Endpoint> local_endpoint(int socket_fd) {
  TcpAddress address;
  if (::getsockname(socket_fd, address.generic(), &address.size_bytes) != 0) {
    return fail_errno("cannot tell the address of a socket");
  }
  return to_endpoint(address);
}

Endpoint to_endpoint(const TcpAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  const int error = ::getnameinfo(address.generic(), address.size_bytes, host.data(), host.size(),
                                  nullptr, 0, NI_NUMERICHOST);
  if (error != 0) return {"?", 0};
  // Both kinds have the port at the same place.
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  sockaddr_in inet{};
  std::memcpy(&inet, &address.bytes, sizeof inet);
  return {host.data(), ntohs(inet.sin_port)};
}

}  // namespace ringmain::net
