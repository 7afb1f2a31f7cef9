// Socket options that identify the peer.
#include "os/peer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

namespace ringmain::os {
namespace {

constexpr int so_peerpidfd = 77;  // of Linux 6.5; Debian 12's headers are older

}  // namespace

Result<PeerCredentials> peer_credentials(int socket_fd) {
  ucred found{};
  socklen_t size_bytes = sizeof found;
  if (::getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &found, &size_bytes) != 0) {
    return fail_errno("cannot tell who is at the other end of the socket");
  }
  return PeerCredentials{found.pid, found.uid, found.gid};
}

Result<Pidfd> peer_pidfd(int socket_fd) {
  int fd = -1;
  socklen_t size_bytes = sizeof fd;
  if (::getsockopt(socket_fd, SOL_SOCKET, so_peerpidfd, &fd, &size_bytes) == 0) {
    return Pidfd(UniqueFd(fd));
  }
  // EINVAL: kernels before 6.13 say so of a process that has been reaped.
  if (errno == ESRCH || errno == EINVAL) {
    return fail(ErrorCode::closed, "the process at the other end of the socket is gone");
  }
  if (errno != ENOPROTOOPT) return fail_errno("cannot watch the peer of the socket");
  RINGMAIN_TRY_ASSIGN(peer, peer_credentials(socket_fd));
  return Pidfd::open(peer.pid);
}

}  // namespace ringmain::os
