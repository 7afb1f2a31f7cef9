// Bytes and file descriptors over a Unix stream socket (SCM_RIGHTS). Declared in
// unix_socket.hpp.
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "os/poll.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::os {
namespace {

constexpr size_t control_max_bytes = CMSG_SPACE(passed_fds_max * sizeof(int));

// Room for the ancillary data of one message.
struct Control {
  alignas(cmsghdr) std::array<std::byte, control_max_bytes> bytes{};
};

bool is_hang_up(int error) {
  return error == EPIPE || error == ECONNRESET;
}

tl::unexpected<Error> fail_closed() {
  return fail(ErrorCode::closed, "the peer has closed the connection");
}

void attach_fds(msghdr& message, Control& control, std::span<const int> fds) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
}

std::vector<UniqueFd> detach_fds(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

// What one sendmsg took; 0 when it has to wait.
Result<size_t> send_some(int socket_fd, std::span<const std::byte> bytes,
                         std::span<const int> fds) {
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  Control control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) attach_fds(message, control, fds);
  const ssize_t count = ::sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) return static_cast<size_t>(count);
  if (errno == EAGAIN || errno == EINTR) return size_t{0};
  if (is_hang_up(errno)) return fail_closed();
  return fail_errno("cannot send to a Unix socket");
}

}  // namespace

Status send_with_fds(int socket_fd, std::span<const std::byte> bytes, std::span<const int> fds,
                     Deadline deadline) {
  if (fds.size() > passed_fds_max) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot pass {} file descriptors at once: at most {}", fds.size(),
                            passed_fds_max));
  }
  if (bytes.empty() && !fds.empty()) {
    return fail(ErrorCode::invalid_argument, "cannot pass file descriptors without a byte");
  }
  while (!bytes.empty()) {
    RINGMAIN_TRY_ASSIGN(count, send_some(socket_fd, bytes, fds));
    if (count > 0) {
      bytes = bytes.subspan(count);
      fds = {};  // they went with the first byte
    } else if (wait_ready(socket_fd, POLLOUT, deadline) == PollWait::timed_out) {
      return fail(ErrorCode::request_timed_out,
                  "cannot send to a Unix socket: its reader does not read");
    }
  }
  return {};
}

Result<size_t> recv_with_fds(int socket_fd, std::span<std::byte> bytes, std::vector<UniqueFd>& fds,
                             Deadline deadline) {
  RINGMAIN_ASSERT(!bytes.empty());
  while (true) {  // ends: at the deadline, or when something came
    iovec part{bytes.data(), bytes.size()};
    Control control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    const ssize_t count = ::recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count >= 0) {
      std::vector<UniqueFd> received = detach_fds(message);
      if ((message.msg_flags & MSG_CTRUNC) != 0) {
        return fail(ErrorCode::io,
                    fmt::format("file descriptors were lost: the peer sent more than {}, or this "
                                "process may not open more (ulimit -n)",
                                passed_fds_max));
      }
      for (UniqueFd& fd : received) fds.push_back(std::move(fd));
      return static_cast<size_t>(count);
    }
    if (is_hang_up(errno)) return fail_closed();
    if (errno != EAGAIN && errno != EINTR) return fail_errno("cannot receive from a Unix socket");
    if (wait_ready(socket_fd, POLLIN, deadline) == PollWait::timed_out) {
      return fail(ErrorCode::request_timed_out,
                  "cannot receive from a Unix socket: nothing came in time");
    }
  }
}

Status recv_fully(int socket_fd, std::span<std::byte> bytes, std::vector<UniqueFd>& fds,
                  Deadline deadline) {
  while (!bytes.empty()) {
    RINGMAIN_TRY_ASSIGN(count, recv_with_fds(socket_fd, bytes, fds, deadline));
    if (count == 0) return fail_closed();
    bytes = bytes.subspan(count);
  }
  return {};
}

}  // namespace ringmain::os
