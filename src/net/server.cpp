// Accepts, refuses what is too many, and keeps the connections.
#include "net/server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/held_memory.hpp"
#include "net/stream_connection.hpp"
#include "net/tcp_address.hpp"
#include "os/process.hpp"

namespace ringmain::net {
namespace {

constexpr size_t accepts_per_turn = 64;  // a flood of connections must not starve the others
constexpr std::chrono::milliseconds retry_after{100};  // when descriptors or memory are out

bool is_of_one_connection(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

std::string describe(const os::PeerCredentials& process) {
  return fmt::format("pid {} ({}) of uid {}", process.pid, os::process_name(process.pid),
                     process.uid);
}

}  // namespace

class Server::Impl {
 public:
  Impl(EventLoop& loop, RequestHandler& handler, Log log, size_t memory_max_bytes)
      : loop_(loop), handler_(handler), log_(std::move(log)), memory_(memory_max_bytes) {}
  ~Impl();

  Result<ListenerId> serve(Listener listener, const Limits& limits);
  void stop_accepting() { services_.clear(); }
  size_t connection_count() const noexcept { return connections_.size(); }

 private:
  // A listener at work.
  struct Service {
    Service(Listener taken, ListenerId its_id, const Limits& its_limits)
        : listener(std::move(taken)), id(its_id), limits(its_limits) {}
    Listener listener;
    ListenerId id;
    Limits limits;
    Registration acceptable;  // goes before the listener that it watches
    Registration retry;
    bool is_refusing = false;  // said once, until there is room again
    bool is_failing = false;   // said once, until a connection is accepted
  };

  Status watch(Service& service);
  void accept_some(Service& service);
  void accept_later(Service& service, const std::string& why);
  void admit(Service& service, os::UniqueFd socket, const TcpAddress& from);
  Result<Connection::Origin> origin(const Service& service, int socket_fd, const TcpAddress& from);
  bool has_room(Service& service);

  EventLoop& loop_;
  RequestHandler& handler_;
  const Log log_;
  HeldMemory memory_;  // goes after the connections
  std::vector<std::unique_ptr<Service>> services_;
  std::unordered_map<ConnectionId, std::shared_ptr<StreamConnection>> connections_;
  std::unordered_map<ListenerId, uint32_t> connections_of_;
  uint32_t next_listener_ = 0;
  uint64_t next_connection_ = 1;  // 0 is nobody's: groups take it for no connection
};

Server::Impl::~Impl() {
  services_.clear();
  while (!connections_.empty()) {  // ends: end() takes the connection out of the map
    const auto connection = connections_.begin()->second;
    connection->end();
  }
}

Result<ListenerId> Server::Impl::serve(Listener listener, const Limits& limits) {
  const ListenerId id(next_listener_++);
  auto service = std::make_unique<Service>(std::move(listener), id, limits);
  RINGMAIN_TRY(watch(*service));
  services_.push_back(std::move(service));
  return id;
}

Status Server::Impl::watch(Service& service) {
  RINGMAIN_TRY_ASSIGN(acceptable, loop_.watch_readable(service.listener.fd(),
                                                       [this, &service] { accept_some(service); }));
  service.acceptable = std::move(acceptable);
  return {};
}

void Server::Impl::accept_some(Service& service) {
  for (size_t i = 0; i < accepts_per_turn; ++i) {
    TcpAddress from;
    os::UniqueFd socket(::accept4(service.listener.fd(), from.generic(), &from.size_bytes,
                                  SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      service.is_failing = false;
      admit(service, std::move(socket), from);
    } else if (errno == EAGAIN) {
      return;
    } else if (!is_of_one_connection(errno)) {
      return accept_later(service, std::strerror(errno));
    }
  }
}

// Without descriptors or memory the listener stays readable: look away for a while.
void Server::Impl::accept_later(Service& service, const std::string& why) {
  if (!std::exchange(service.is_failing, true)) {
    log_(LogLevel::error, fmt::format("{}: cannot accept connections: {}; trying every {} ms",
                                      service.listener.name(), why, retry_after.count()));
  }
  service.acceptable.cancel();
  service.retry = loop_.call_after(retry_after, [this, &service] {
    if (const Status watched = watch(service); !watched)
      accept_later(service, watched.error().message);
  });
}

void Server::Impl::admit(Service& service, os::UniqueFd socket, const TcpAddress& from) {
  if (!has_room(service)) return;
  auto known = origin(service, socket.get(), from);
  if (!known) return log_(LogLevel::debug, service.listener.name() + ": " + known.error().message);
  const auto connection = std::make_shared<StreamConnection>(
      std::move(*known), service.limits, loop_, handler_, log_, memory_, [this](StreamConnection& ended) {
        --connections_of_[ended.listener()];
        connections_.erase(ended.id());
      });
  if (const Status started = connection->start(std::move(socket)); !started) {
    return log_(LogLevel::error, started.error().message);
  }
  ++connections_of_[service.id];
  connections_.emplace(connection->id(), connection);
  log_(LogLevel::debug,
       fmt::format("{}: connected to {}", connection->peer(), service.listener.name()));
}

Result<Connection::Origin> Server::Impl::origin(const Service& service, int socket_fd,
                                                const TcpAddress& from) {
  Connection::Origin origin{
      ConnectionId(next_connection_++), service.id, service.listener.transport(), {}};
  if (origin.transport == Transport::tcp) {
    origin.peer = to_string(to_endpoint(from));
    return origin;
  }
  RINGMAIN_TRY_ASSIGN(credentials, os::peer_credentials(socket_fd));
  origin.credentials = credentials;
  origin.peer = describe(credentials);
  return origin;
}

bool Server::Impl::has_room(Service& service) {
  const bool is_full = connections_of_[service.id] >= service.limits.connections_max;
  if (is_full && !service.is_refusing) {
    log_(LogLevel::warning,
         fmt::format("{}: refusing further connections, {} are open (max.connections)",
                     service.listener.name(), service.limits.connections_max));
  }
  service.is_refusing = is_full;
  return !is_full;
}

Server::Server(EventLoop& loop, RequestHandler& handler, Log log, size_t memory_max_bytes)
    : impl_(std::make_unique<Impl>(loop, handler, std::move(log), memory_max_bytes)) {}
Server::~Server() = default;

Result<ListenerId> Server::serve(Listener listener, const Limits& limits) {
  return impl_->serve(std::move(listener), limits);
}

void Server::stop_accepting() {
  impl_->stop_accepting();
}

size_t Server::connection_count() const noexcept {
  return impl_->connection_count();
}

}  // namespace ringmain::net
