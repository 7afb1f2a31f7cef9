// Who is at the other end of a Unix socket, on the kernel's word.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"
#include "os/pidfd.hpp"

namespace ringmain::os {

struct PeerCredentials {
  pid_t pid = 0;  // as seen from here; 0 if the peer is in a namespace that we cannot see
  uid_t uid = 0;
  gid_t gid = 0;
};

// Those of the process that called connect(), or listen() seen from the connecting side.
Result<PeerCredentials> peer_credentials(int socket_fd);

// From the kernel itself (SO_PEERPIDFD, Linux 6.5), else by number: then a peer that died
// and whose number was given away in between could be mistaken, and the socket's end must
// be believed as well. ErrorCode::closed when the peer is gone.
Result<Pidfd> peer_pidfd(int socket_fd);

}  // namespace ringmain::os
