// Server: accepts connections, cuts their bytes into requests, sends the replies.
//
// Runs on the event loop's thread, as does every call to it. A client that is slow, silent
// or hostile holds the bytes that it sent and its replies up to a limit, which all of them share (HeldMemory), and stops
// no other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/log.hpp"
#include "net/request_handler.hpp"

namespace ringmain::net {

// Of one listener, so that a flood over TCP does not lock local clients out.
struct Limits {
  uint32_t request_max_bytes = 100 << 20;  // socket.request.max.bytes; above it: closed
  uint32_t connections_max = 10'000;       // further ones are closed at once
  // connections.max.idle.ms: closed when no byte has moved for so long (noticed before twice
  // that time) and no reply is deferred. Local clients that only use shared memory are
  // silent for days: none there.
  std::optional<std::chrono::milliseconds> idle_max{};

  static Limits for_unix_socket() { return {}; }
  static Limits for_tcp() {
    Limits limits;
    limits.idle_max = std::chrono::minutes(10);
    return limits;
  }
};

// A connection whose replies pile up above either of these is not read until they drained;
// each reply may pass the limit by its own size.
inline constexpr size_t queued_replies_max_bytes = 1 << 20;
inline constexpr size_t queued_fds_max = 64;  // small frames could hold many descriptors

// Of all connections together, beyond what each has for itself: HeldMemory.
inline constexpr size_t connections_memory_max_bytes = 512 << 20;

class Server {
 public:
  // The loop and the handler outlive the server.
  Server(EventLoop& loop, RequestHandler& handler, Log log, size_t memory_max_bytes = connections_memory_max_bytes);
  // Closes every connection; RequestHandler::closed is called for each. Not within a call to
  // the handler.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts from now on.
  Result<ListenerId> serve(Listener listener, const Limits& limits);

  // Connections that exist go on.
  void stop_accepting();

  size_t connection_count() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain::net
