// StreamConnection: a Connection over a socket; reads, hands requests over, sends replies.
//
// Loop thread only. One coroutine reads; replies are sent as soon as a batch of requests
// is handled, and what the socket does not take waits for it to be writable.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/event_loop.hpp"
#include "net/frame_buffer.hpp"
#include "net/held_memory.hpp"
#include "net/log.hpp"
#include "net/reply_queue.hpp"
#include "net/request_handler.hpp"
#include "net/server.hpp"
#include "os/fd.hpp"

namespace ringmain::net {

class StreamConnection final : public Connection {
 public:
  // Called once, after RequestHandler::closed.
  using Ended = std::function<void(StreamConnection&)>;

  StreamConnection(Origin origin, const Limits& limits, EventLoop& loop, RequestHandler& handler,
                   const Log& log, HeldMemory& memory, Ended ended);

  Status start(os::UniqueFd socket);
  // The server goes: closes, and tells the handler now.
  void end();

  Result<os::Pidfd> open_peer_pidfd() const override;
  size_t room_for_reply() const noexcept override { return memory_.room_for_reply(); }
  void close(std::string why) override;

 private:
  enum class Stage {
    open,
    finishing,  // for a last reply or a bad frame: nothing more is handled, what is queued is sent
    closed,
  };

  std::shared_ptr<StreamConnection> self();
  void begin_deferral() override;
  void end_deferral(Reply reply) override;

  boost::asio::awaitable<void> read_requests();
  bool may_read() const noexcept;
  bool may_handle() const noexcept { return stage_ == Stage::open && !is_deferred_; }
  void handle_requests();
  void handle_one(std::span<const std::byte> request);
  void end_after_replies(const std::string& why);
  void go_on();
  void queue(Reply reply);
  void send_queued();
  void wait_until_writable();
  void finish();
  void watch_idleness();
  void shut(LogLevel level, const std::string& why);
  void tell_ended();
  uint64_t moved_bytes() const noexcept { return received_bytes_ + replies_.sent_bytes(); }
  void count_memory();
  void close_for_room();

  const Limits limits_;
  EventLoop& loop_;
  RequestHandler& handler_;
  const Log& log_;
  const Ended ended_;
  HeldMemory::Share memory_;

  boost::asio::generic::stream_protocol::socket socket_;
  boost::asio::steady_timer reading_may_go_on_;  // never expires: cancelled to wake the reader
  boost::asio::steady_timer idle_timer_;
  FrameBuffer input_;
  ReplyQueue replies_;

  Stage stage_ = Stage::open;
  bool is_deferred_ = false;  // a DeferredReply is out: further requests wait
  bool is_handling_ = false;  // guards handle_requests against itself
  bool is_waiting_to_write_ = false;
  bool has_ended_ = false;  // the handler was told
  uint64_t received_bytes_ = 0;
  // Received and sent, at the last look for idleness, and when memory was last counted.
  uint64_t moved_bytes_when_watched_ = 0;
  uint64_t moved_bytes_when_counted_ = 0;
};

}  // namespace ringmain::net
