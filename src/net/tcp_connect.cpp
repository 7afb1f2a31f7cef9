// Non-blocking connects, one address at a time.
#include "net/tcp_connect.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/tcp_address.hpp"
#include "os/poll.hpp"

namespace ringmain::net {
namespace {

// 0, or why not.
int await_connected(int socket_fd, os::Deadline deadline) {
  if (os::wait_ready(socket_fd, POLLOUT, deadline) == os::PollWait::timed_out) return ETIMEDOUT;
  int error = 0;
  socklen_t size_bytes = sizeof error;
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_ERROR, &error, &size_bytes) != 0) return errno;
  return error;
}

Result<os::UniqueFd> connect_to(const TcpAddress& address, const Endpoint& endpoint,
                                os::Deadline deadline) {
  const std::string what = "cannot connect to " + to_string(endpoint);
  os::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(what);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int error = ::connect(fd.get(), address.generic(), address.size_bytes) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) error = await_connected(fd.get(), deadline);
  switch (error) {
    case 0:
      return fd;
    case ECONNREFUSED:
      return fail(ErrorCode::broker_unavailable,
                  fmt::format("nobody listens on {}: is the broker started with --listen?",
                              to_string(endpoint)));
    case ETIMEDOUT:
      return fail(ErrorCode::request_timed_out, what + ": nobody answers");
    case EHOSTUNREACH:
    case ENETUNREACH:
      return fail(ErrorCode::broker_unavailable,
                  fmt::format("{}: there is no way to that network", what));
    default:
      return fail_errno(what, error);
  }
}

}  // namespace

Result<os::UniqueFd> connect_tcp(const Endpoint& endpoint, os::Deadline deadline) {
  RINGMAIN_TRY_ASSIGN(addresses, addresses_to_connect(endpoint));
  Error last{ErrorCode::broker_unavailable, fmt::format("host {} has no address", endpoint.host)};
  for (const TcpAddress& address : addresses) {
    auto connected = connect_to(address, endpoint, deadline);
    if (connected) return connected;
    last = connected.error();
  }
  return tl::make_unexpected(last);
}

}  // namespace ringmain::net
