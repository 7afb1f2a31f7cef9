// Connection: one client, as a request handler sees it.
//
// Loop thread only. The stream behind it: stream_connection.hpp; tests have their own.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/transport.hpp"
#include "os/peer.hpp"
#include "os/pidfd.hpp"

namespace ringmain::net {

// What goes back for one request.
struct Reply {
  std::vector<std::byte> bytes{};  // the whole frame with its length; empty: no response
  // Travel with the first byte of this frame: Unix sockets only, at most os::passed_fds_max.
  // Borrowed until the handler's call (or DeferredReply::send) has returned: net duplicates.
  std::vector<int> fds{};
  bool close = false;  // after what has been queued is sent
  // Bytes that stay where they are, and go before bytes[at]; at ascends. Borrowed until DeferredReply::send has returned:
  // net sends them from there, or copies what the socket does not take. Only in a reply that is deferred.
  struct Borrowed {
    size_t at = 0;
    std::span<const std::byte> bytes;
  };
  std::vector<Borrowed> borrowed{};
};

class DeferredReply;

// What a handler remembers about a connection; dies right after RequestHandler::closed.
class SessionState {
 public:
  virtual ~SessionState() = default;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Origin {
    ConnectionId id;
    ListenerId listener;
    Transport transport = Transport::tcp;
    std::string peer;  // for messages: "127.0.0.1:4711", "pid 4711 (kcat) of uid 1000"
    std::optional<os::PeerCredentials> credentials{};  // always there on a Unix socket
  };

  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  ConnectionId id() const noexcept { return origin_.id; }
  ListenerId listener() const noexcept { return origin_.listener; }
  Transport transport() const noexcept { return origin_.transport; }
  const std::string& peer() const noexcept { return origin_.peer; }
  const std::optional<os::PeerCredentials>& credentials() const noexcept {
    return origin_.credentials;
  }

  // The process at the other end; for Unix sockets, and the owner watches it himself.
  virtual Result<os::Pidfd> open_peer_pidfd() const = 0;

  // The handler's own; empty until it puts something there.
  std::unique_ptr<SessionState>& session() noexcept { return session_; }

  // Within RequestHandler::handle, which then returns an empty Reply: the answer comes
  // later. Until it does, this connection's further requests wait; others go on.
  DeferredReply defer();

  // How many bytes a reply should have at the most, as long as clients leave many unread; never less than 64 KiB.
  virtual size_t room_for_reply() const noexcept = 0;

  // Ends the connection without sending what is queued; RequestHandler::closed follows,
  // never within this call. `why` is logged.
  virtual void close(std::string why) = 0;

 protected:
  explicit Connection(Origin origin) : origin_(std::move(origin)) {}

 private:
  friend class DeferredReply;
  virtual void begin_deferral() = 0;
  virtual void end_deferral(Reply reply) = 0;

  const Origin origin_;
  std::unique_ptr<SessionState> session_;
};

// The right and the duty to answer one request. Dropped without send(), it closes the
// connection: the client would wait for ever. May outlive the connection.
class DeferredReply {
 public:
  DeferredReply(DeferredReply&& other) noexcept = default;
  DeferredReply& operator=(DeferredReply&& other) noexcept;
  ~DeferredReply();

  // Once. Nothing happens if the connection is gone.
  void send(Reply reply);
  bool is_connected() const noexcept { return !connection_.expired(); }

 private:
  friend class Connection;
  explicit DeferredReply(std::weak_ptr<Connection> connection) noexcept
      : connection_(std::move(connection)) {}
  void abandon() noexcept;

  std::weak_ptr<Connection> connection_;  // empty once sent or moved from
};

}  // namespace ringmain::net
