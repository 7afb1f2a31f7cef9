// The reading coroutine, and the two ways out: finish() after a last reply, shut() at once.
#include "net/stream_connection.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "base/assert.hpp"

namespace ringmain::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Bytes that may come in while a reply is deferred: reading is how an end is noticed, and
// clients pipeline.
constexpr size_t read_ahead_max_bytes = 64 << 10;

// Thrown away at the end, so that the kernel does not answer them with a reset, which would
// destroy the last reply on its way.
constexpr size_t discarded_reads_max = 64;

void switch_on(int socket_fd, int level, int option) {
  const int on = 1;
  ::setsockopt(socket_fd, level, option, &on, sizeof on);
}

void discard_input(int socket_fd) {
  std::array<std::byte, 4096> unread;
  for (size_t i = 0; i < discarded_reads_max; ++i) {
    if (::recv(socket_fd, unread.data(), unread.size(), MSG_DONTWAIT) <= 0) return;
  }
}

bool is_end_of_stream(const error_code& error) {
  return error == asio::error::eof || error == asio::error::connection_reset;
}

}  // namespace

StreamConnection::StreamConnection(Origin origin, const Limits& limits, EventLoop& loop,
                                   RequestHandler& handler, const Log& log, HeldMemory& memory, Ended ended)
    : Connection(std::move(origin)),
      limits_(limits),
      loop_(loop),
      handler_(handler),
      log_(log),
      ended_(std::move(ended)),
      memory_(memory, [this] { close_for_room(); }),
      socket_(loop.context()),
      reading_may_go_on_(loop.context(), asio::steady_timer::time_point::max()),
      idle_timer_(loop.context()),
      input_(limits.request_max_bytes) {}

Status StreamConnection::start(os::UniqueFd socket) {
  if (transport() == Transport::tcp) {
    switch_on(socket.get(), IPPROTO_TCP, TCP_NODELAY);
    switch_on(socket.get(), SOL_SOCKET, SO_KEEPALIVE);
  }
  sockaddr address{};
  socklen_t size_bytes = sizeof address;
  ::getsockname(socket.get(), &address, &size_bytes);
  const asio::generic::stream_protocol protocol(address.sa_family, 0);
  error_code error;
  if (socket_.assign(protocol, socket.get(), error))
    return fail_errno("cannot serve " + peer(), error.value());
  [[maybe_unused]] const int now_asios = socket.release();
  watch_idleness();
  asio::co_spawn(
      loop_.context(), [me = self()] { return me->read_requests(); },
      [me = self()](const std::exception_ptr& thrown) {
        if (thrown) me->close("out of memory, or a fault while reading");
      });
  return {};
}

std::shared_ptr<StreamConnection> StreamConnection::self() {
  return std::static_pointer_cast<StreamConnection>(shared_from_this());
}

asio::awaitable<void> StreamConnection::read_requests() {
  error_code error;
  while (stage_ == Stage::open) {
    handle_requests();
    if (stage_ != Stage::open) break;
    if (!may_read()) {
      co_await reading_may_go_on_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    const std::span<std::byte> space = input_.space();
    count_memory();
    if (stage_ != Stage::open) break;
    const size_t count = co_await socket_.async_read_some(
        asio::buffer(space.data(), space.size()), asio::redirect_error(asio::use_awaitable, error));
    if (stage_ != Stage::open) break;
    if (error) {
      shut(LogLevel::debug,
           is_end_of_stream(error) ? "by the client" : "cannot read: " + error.message());
      break;
    }
    received_bytes_ += count;
    input_.received(count);
  }
}

bool StreamConnection::may_read() const noexcept {
  return !replies_.is_full() && !(is_deferred_ && input_.unread_bytes() >= read_ahead_max_bytes);
}

void StreamConnection::handle_requests() {
  if (is_handling_) return;  // a handler sends its deferred reply at once
  is_handling_ = true;
  while (may_handle()) {  // ends: the buffer holds so many frames
    if (replies_.is_full()) send_queued();
    if (!may_handle() || replies_.is_full()) break;
    const auto request = input_.next();
    if (!request) {
      end_after_replies(request.error().message);
    } else if (const auto& whole = *request; whole) {
      handle_one(*whole);
    } else {
      break;
    }
  }
  is_handling_ = false;
  send_queued();
  count_memory();
}

void StreamConnection::handle_one(std::span<const std::byte> request) {
  Reply reply = handler_.handle(*this, request);
  RINGMAIN_ASSERT((!is_deferred_ || reply.bytes.empty()) && reply.borrowed.empty());
  queue(std::move(reply));
}

// What was asked before gets its answer all the same.
void StreamConnection::end_after_replies(const std::string& why) {
  log_(LogLevel::warning, fmt::format("{}: closing the connection: {}", peer(), why));
  stage_ = Stage::finishing;
}

void StreamConnection::begin_deferral() {
  RINGMAIN_ASSERT(is_handling_ && !is_deferred_);
  is_deferred_ = true;
}

void StreamConnection::end_deferral(Reply reply) {
  RINGMAIN_ASSERT(is_deferred_);
  is_deferred_ = false;
  queue(std::move(reply));
  send_queued();
  replies_.keep_borrowed();  // before the lender goes on
  count_memory();
  // Not now: the caller is in the middle of something, and the next handler call would nest.
  loop_.post([me = self()] { me->go_on(); });
}

void StreamConnection::go_on() {
  handle_requests();
  if (may_read()) reading_may_go_on_.cancel();
}

void StreamConnection::queue(Reply reply) {
  if (stage_ != Stage::open) return;
  RINGMAIN_ASSERT(reply.fds.empty() || transport() == Transport::unix_socket);
  const bool is_last = reply.close;
  if (const Status queued = replies_.push(std::move(reply)); !queued) {
    return shut(LogLevel::error, queued.error().message);
  }
  if (is_last) stage_ = Stage::finishing;
}

void StreamConnection::send_queued() {
  if (stage_ == Stage::closed || is_waiting_to_write_) return;
  const auto outcome = replies_.send(socket_.native_handle());
  if (!outcome) {
    const bool is_gone = outcome.error().code == ErrorCode::closed;
    return shut(is_gone ? LogLevel::debug : LogLevel::warning, outcome.error().message);
  }
  if (*outcome == ReplyQueue::Outcome::blocked) return wait_until_writable();
  if (stage_ == Stage::finishing) finish();
}

void StreamConnection::wait_until_writable() {
  is_waiting_to_write_ = true;
  socket_.async_wait(asio::socket_base::wait_write, [me = self()](const error_code& error) {
    me->is_waiting_to_write_ = false;
    if (error) return;  // closed meanwhile
    me->send_queued();
    me->count_memory();
    me->go_on();
  });
}

void StreamConnection::finish() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  discard_input(socket_.native_handle());
  shut(LogLevel::debug, "after its last reply");
}

void StreamConnection::watch_idleness() {
  if (!limits_.idle_max) return;
  moved_bytes_when_watched_ = moved_bytes();
  idle_timer_.expires_after(*limits_.idle_max);
  idle_timer_.async_wait([me = self()](const error_code& error) {
    if (error || me->stage_ == Stage::closed) return;
    if (me->is_deferred_ || me->moved_bytes() != me->moved_bytes_when_watched_) {
      return me->watch_idleness();
    }
    me->shut(LogLevel::info, fmt::format("silent for {} ms (connections.max.idle.ms)",
                                         me->limits_.idle_max->count()));
  });
}

void StreamConnection::count_memory() {
  if (stage_ == Stage::closed) return;
  const bool has_moved = std::exchange(moved_bytes_when_counted_, moved_bytes()) != moved_bytes();
  memory_.hold(input_.capacity_bytes() + replies_.queued_bytes(), has_moved);
}

void StreamConnection::close_for_room() {
  shut(LogLevel::warning,
       fmt::format("all connections together hold more than {} bytes (connections.memory.max.bytes), and nothing has moved on this "
                   "one for longest: {} bytes received, {} to send",
                   memory_.max_bytes(), input_.unread_bytes(), replies_.queued_bytes()));
}

void StreamConnection::close(std::string why) {
  shut(LogLevel::warning, why);
}

void StreamConnection::shut(LogLevel level, const std::string& why) {
  if (stage_ == Stage::closed) return;
  stage_ = Stage::closed;
  log_(level, fmt::format("{}: connection closed: {}", peer(), why));
  error_code error;
  error = socket_.close(error);  // it is closed in any case
  idle_timer_.cancel();
  reading_may_go_on_.cancel();
  replies_.clear();
  memory_.hold(0, false);  // what was received goes when the reader does, soon
  // Not now: this may be within a handler's call.
  loop_.post([me = self()] { me->tell_ended(); });
}

void StreamConnection::end() {
  if (stage_ != Stage::closed) shut(LogLevel::debug, "the server stops");
  tell_ended();
}

void StreamConnection::tell_ended() {
  if (std::exchange(has_ended_, true)) return;
  handler_.closed(*this);
  session().reset();
  ended_(*this);
}

Result<os::Pidfd> StreamConnection::open_peer_pidfd() const {
  if (transport() != Transport::unix_socket) {
    return fail(ErrorCode::invalid_argument, peer() + " is no local process");
  }
  if (stage_ == Stage::closed) return fail(ErrorCode::closed, peer() + " has gone");
  return os::peer_pidfd(const_cast<StreamConnection*>(this)->socket_.native_handle());
}

}  // namespace ringmain::net
