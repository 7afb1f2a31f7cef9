// Addresses, listeners and connections. Messages and descriptors: fd_passing.cpp.
#include "os/unix_socket.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

#include "os/file.hpp"
#include "os/poll.hpp"

namespace ringmain::os {
namespace {

constexpr int backlog = 4096;  // the kernel cuts it to net.core.somaxconn

// An address that fits, and what keeps it valid.
struct Address {
  sockaddr_un bytes{};
  std::string shown;   // the path a person knows
  UniqueFd directory;  // open as long as the address goes through it
};

// One byte stays for the terminating zero.
constexpr size_t address_path_max_bytes = sizeof(sockaddr_un::sun_path) - 1;

Status set_path(Address& address, const std::string& path) {
  if (path.size() > address_path_max_bytes) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot use {} as a socket: its name is too long", address.shown));
  }
  address.bytes.sun_family = AF_UNIX;
  std::memcpy(address.bytes.sun_path, path.c_str(), path.size() + 1);
  return {};
}

Status set_path_in(Address& address, int directory_fd, const std::string& name) {
  return set_path(address, fmt::format("/proc/self/fd/{}/{}", directory_fd, name));
}

Result<Address> address_at(int directory_fd, const std::string& name) {
  Address address;
  address.shown = describe_fd(directory_fd) + "/" + name;
  RINGMAIN_TRY(set_path_in(address, directory_fd, name));
  return address;
}

Result<Address> address_of(const std::string& path) {
  Address address;
  address.shown = path;
  if (path.size() <= address_path_max_bytes) {
    RINGMAIN_TRY(set_path(address, path));
    return address;
  }
  const size_t slash = path.rfind('/');
  const std::string directory_path = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  RINGMAIN_TRY_ASSIGN(directory, open_file(directory_path, O_PATH | O_DIRECTORY));
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  RINGMAIN_TRY(set_path_in(address, directory.get(), name));
  address.directory = std::move(directory);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<UniqueFd> stream_socket(int flags) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return fail_errno("cannot make a Unix socket");
  return fd;
}

// Only a socket: never a file that somebody put there.
void remove_stale_socket(const Address& address) {
  struct stat found;
  if (::lstat(address.bytes.sun_path, &found) == 0 && S_ISSOCK(found.st_mode)) {
    ::unlink(address.bytes.sun_path);
  }
}

Result<UniqueFd> listen_on(const Address& address, mode_t mode) {
  RINGMAIN_TRY_ASSIGN(socket, stream_socket(SOCK_NONBLOCK));
  const std::string what = "cannot listen on " + address.shown;
  remove_stale_socket(address);
  if (::bind(socket.get(), generic(address.bytes), sizeof address.bytes) != 0) {
    return fail_errno(what);
  }
  // Nobody connects in between: before listen() a connection is refused.
  if (::chmod(address.bytes.sun_path, mode) != 0) return fail_errno(what);
  if (::listen(socket.get(), backlog) != 0) return fail_errno(what);
  return std::move(socket);
}

// A connect waits while the listener's backlog is full. poll cannot wait for that; the
// socket's send timeout bounds it.
void set_connect_timeout(int socket_fd, int timeout_ms) {
  timeval timeout{};  // zero is "for ever"
  timeout.tv_sec = timeout_ms / 1000;
  timeout.tv_usec = (timeout_ms % 1000) * 1000;
  ::setsockopt(socket_fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

int connect_once(int socket_fd, const Address& address, Deadline deadline) {
  const int left_ms = deadline.poll_timeout_ms();
  if (left_ms == 0) return EAGAIN;
  if (left_ms > 0) set_connect_timeout(socket_fd, left_ms);
  const bool connected = ::connect(socket_fd, generic(address.bytes), sizeof address.bytes) == 0;
  return connected ? 0 : errno;
}

Result<UniqueFd> connect_to(const Address& address, Deadline deadline) {
  RINGMAIN_TRY_ASSIGN(socket, stream_socket(0));
  int error;
  do {
    error = connect_once(socket.get(), address, deadline);
  } while (error == EINTR);
  switch (error) {
    case 0:
      set_connect_timeout(socket.get(), 0);
      return std::move(socket);
    case ENOENT:
    case ECONNREFUSED:
      return fail(ErrorCode::broker_unavailable, "nobody listens on " + address.shown);
    case EAGAIN:
      return fail(ErrorCode::request_timed_out,
                  "cannot connect to " + address.shown + ": its owner does not accept");
    default:
      return fail_errno("cannot connect to " + address.shown, error);
  }
}

}  // namespace

Result<UniqueFd> listen_unix(const std::string& path, mode_t mode) {
  RINGMAIN_TRY_ASSIGN(address, address_of(path));
  return listen_on(address, mode);
}

Result<UniqueFd> listen_unix_at(int directory_fd, const std::string& name, mode_t mode) {
  RINGMAIN_TRY_ASSIGN(address, address_at(directory_fd, name));
  return listen_on(address, mode);
}

Result<UniqueFd> connect_unix(const std::string& path, Deadline deadline) {
  RINGMAIN_TRY_ASSIGN(address, address_of(path));
  return connect_to(address, deadline);
}

Result<UniqueFd> connect_unix_at(int directory_fd, const std::string& name, Deadline deadline) {
  RINGMAIN_TRY_ASSIGN(address, address_at(directory_fd, name));
  return connect_to(address, deadline);
}

Result<UniqueFd> accept_unix(int listener_fd, Deadline deadline) {
  while (true) {  // ends: at the deadline; another acceptor may be quicker each time
    if (wait_ready(listener_fd, POLLIN, deadline) == PollWait::timed_out) {
      return fail(ErrorCode::request_timed_out, "nobody connected");
    }
    UniqueFd socket(::accept4(listener_fd, nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) return socket;
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      return fail_errno("cannot accept a connection");
    }
  }
}

}  // namespace ringmain::os
