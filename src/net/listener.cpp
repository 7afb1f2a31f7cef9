// Binds TCP sockets; Unix sockets come bound.
#include "net/listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/tcp_address.hpp"

namespace ringmain::net {
namespace {

constexpr int backlog = 4096;  // the kernel cuts it to net.core.somaxconn

void switch_on(int socket_fd, int level, int option) {
  const int on = 1;
  ::setsockopt(socket_fd, level, option, &on, sizeof on);
}

void set_both_families(int socket_fd) {
  const int off = 0;
  ::setsockopt(socket_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
}

Result<os::UniqueFd> listen_at(const TcpAddress& address, const Endpoint& wanted) {
  const std::string what = "cannot listen on " + to_string(wanted);
  os::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(what);
  switch_on(fd.get(), SOL_SOCKET, SO_REUSEADDR);  // a restart need not wait for old connections
  if (wanted.host.empty() && address.family() == AF_INET6) set_both_families(fd.get());
  if (::bind(fd.get(), address.generic(), address.size_bytes) != 0) return fail_errno(what);
  if (::listen(fd.get(), backlog) != 0) return fail_errno(what);
  return fd;
}

}  // namespace

Listener Listener::on_unix_socket(os::UniqueFd listening_socket, std::string path) {
  return Listener(std::move(listening_socket), Transport::unix_socket, {std::move(path), 0});
}

Result<Listener> Listener::on_tcp(const Endpoint& wanted) {
  RINGMAIN_TRY_ASSIGN(addresses, addresses_to_bind(wanted));
  Result<os::UniqueFd> socket =
      fail(ErrorCode::invalid_argument, "cannot listen on " + to_string(wanted) + ": no address");
  for (const TcpAddress& address : addresses) {
    socket = listen_at(address, wanted);
    if (socket) break;
  }
  if (!socket) return tl::make_unexpected(std::move(socket).error());
  RINGMAIN_TRY_ASSIGN(bound, local_endpoint(socket->get()));
  return Listener(std::move(*socket), Transport::tcp, std::move(bound));
}

std::string Listener::name() const {
  return transport_ == Transport::unix_socket ? "unix:" + bound_.host : to_string(bound_);
}

}  // namespace ringmain::net
