// Unix stream sockets that pass descriptors, at paths of any length.
//
// A socket address holds 107 bytes of path; longer ones go through the directory's
// descriptor (/proc/self/fd/N/name), so only the name itself is bound by it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::os {

// Replaces a socket that a dead process left there, so the caller makes sure beforehand
// (by a lock on the directory) that nobody listens. `mode` says who can connect (it takes
// the right to write), whatever the umask. The listener is non-blocking.
Result<UniqueFd> listen_unix(const std::string& path, mode_t mode = 0600);
Result<UniqueFd> listen_unix_at(int directory_fd, const std::string& name, mode_t mode = 0600);

// ErrorCode::broker_unavailable when nobody listens there.
Result<UniqueFd> connect_unix(const std::string& path, Deadline deadline = Deadline::never());
Result<UniqueFd> connect_unix_at(int directory_fd, const std::string& name,
                                 Deadline deadline = Deadline::never());

// ErrorCode::request_timed_out when nobody came.
Result<UniqueFd> accept_unix(int listener_fd, Deadline deadline = Deadline::never());

// More at once is refused by sender and receiver alike.
inline constexpr size_t passed_fds_max = 16;

// All bytes; the descriptors travel with the first one, so there must be one. They are
// duplicated: the caller keeps its own. ErrorCode::closed when the peer is gone. After an
// error the stream may end within a message: drop the connection.
Status send_with_fds(int socket_fd, std::span<const std::byte> bytes, std::span<const int> fds,
                     Deadline deadline = Deadline::never());

// What is there, at least one byte; 0 when the peer has closed. Descriptors are appended
// to `fds`; if some could not be delivered, all that came with them are closed, and it is
// an error.
Result<size_t> recv_with_fds(int socket_fd, std::span<std::byte> bytes, std::vector<UniqueFd>& fds,
                             Deadline deadline = Deadline::never());

// Fills `bytes`; ErrorCode::closed when the peer closes before.
Status recv_fully(int socket_fd, std::span<std::byte> bytes, std::vector<UniqueFd>& fds,
                  Deadline deadline = Deadline::never());

}  // namespace ringmain::os
