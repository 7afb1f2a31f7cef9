// Non-blocking reads and writes between two polls.
#include "client/pipelined_connection.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace ringmain::client {
namespace {

constexpr std::size_t kAnswerMaxBytes = 128 << 20;
constexpr std::size_t kPiecesAtOnce = 64;

bool would_wait(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

PipelinedConnection::PipelinedConnection(net::Endpoint endpoint, Greeted greeted)
    : endpoint_(std::move(endpoint)),
      socket_(std::move(greeted.socket)),
      versions_(std::move(greeted.versions)),
      receiver_(kAnswerMaxBytes) {}

Result<PipelinedConnection> PipelinedConnection::open(net::Endpoint endpoint, std::string client_id,
                                                      Wake& wake, os::Deadline deadline) {
  RINGMAIN_TRY_ASSIGN(greeted, connect_and_greet(endpoint, client_id, deadline, &wake));
  return PipelinedConnection(std::move(endpoint), std::move(greeted));
}

void PipelinedConnection::send(kafka::CutFrame frame) {
  const kafka::CutFrame& kept = frames_.emplace_back(std::move(frame));
  const std::span<const std::byte> bytes(kept.bytes);
  std::size_t at = 0, pieces = 0;
  const auto put = [&](std::span<const std::byte> piece) {
    if (piece.empty()) return;
    pieces_.push_back(piece);
    unsent_bytes_ += piece.size();
    ++pieces;
  };
  for (const kafka::Cut& cut : kept.cuts) {
    put(bytes.subspan(at, cut.at - at));
    put(cut.bytes);
    at = cut.at;
  }
  put(bytes.subspan(at));
  pieces_of_frame_.push_back(pieces);
}

Status PipelinedConnection::wait(Wake& wake, os::Deadline deadline) {
  RINGMAIN_TRY(send_some());
  const auto events = static_cast<short>(unsent_bytes_ != 0 ? POLLIN | POLLOUT : POLLIN);
  std::array<pollfd, 2> looked{{{socket_.get(), events, 0}, {wake.bell.fd(), POLLIN, 0}}};
  const int ready = ::poll(looked.data(), looked.size(), deadline.poll_timeout_ms());
  if (ready <= 0) return {};  // time is up, or a signal came
  if (looked[1].revents != 0) wake.bell.drain();
  if ((looked[0].revents & POLLOUT) != 0) RINGMAIN_TRY(send_some());
  return {};
}

Status PipelinedConnection::send_some() {
  while (unsent_bytes_ != 0) {  // until the socket is full
    std::array<iovec, kPiecesAtOnce> parts;
    const std::size_t count = std::min(pieces_.size(), parts.size());
    for (std::size_t i = 0; i < count; ++i)
      parts[i] = {const_cast<std::byte*>(pieces_[i].data()), pieces_[i].size()};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && would_wait(errno)) return {};
    if (sent < 0) return tl::make_unexpected(lost(std::system_category().message(errno)));
    auto left = static_cast<std::size_t>(sent);
    unsent_bytes_ -= left;
    while (left != 0) {
      std::span<const std::byte>& first = pieces_.front();
      const std::size_t taken = std::min(left, first.size());
      first = first.subspan(taken);
      left -= taken;
      if (!first.empty()) continue;
      pieces_.pop_front();
      if (--pieces_of_frame_.front() != 0) continue;
      pieces_of_frame_.pop_front();
      frames_.pop_front();
    }
  }
  return {};
}

Result<std::optional<kafka::Bytes>> PipelinedConnection::next_answer() {
  auto message = receiver_.receive(socket_.get());
  if (!message) return tl::make_unexpected(lost(message.error().message));
  return message;
}

Error PipelinedConnection::lost(const std::string& why) const {
  return {ErrorCode::network_exception,
          fmt::format("the connection to {} was lost: {}", net::to_string(endpoint_), why)};
}

}  // namespace ringmain::client
