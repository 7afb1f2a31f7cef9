// Exchanges of frames over TCP.
#include "client/remote_connection.hpp"

#include <fmt/format.h>
#include <poll.h>

#include "client/remote_greeting.hpp"

namespace ringmain::client {
namespace {

constexpr std::size_t kResponseMaxBytes = 128 << 20;

}  // namespace

Status RemoteConnection::connect() {
  const std::lock_guard lock(mutex_);
  return connected();
}

// Under the lock, as all below.
Status RemoteConnection::connected() {
  if (socket_ && !has_ended()) return {};
  socket_.reset();
  RINGMAIN_TRY_ASSIGN(greeted, connect_and_greet(endpoint_, client_id_,
                                                 os::Deadline::after_ns(times_.connect_ns), wake_));
  socket_ = std::move(greeted.socket);
  versions_.emplace(std::move(greeted.versions));
  return {};
}

// A broker closes what is silent for long: better noticed before a request is on its way. Bytes
// that nobody asked for are no good either.
bool RemoteConnection::has_ended() const noexcept {
  pollfd look{socket_.get(), POLLIN | POLLRDHUP, 0};
  return ::poll(&look, 1, 0) != 0;
}

Result<std::int16_t> RemoteConnection::best_version(std::int16_t api_key, Versions versions) {
  const std::lock_guard lock(mutex_);
  RINGMAIN_TRY(connected());
  return versions_->best(api_key, versions);
}

Result<kafka::Bytes> RemoteConnection::exchange(std::span<const std::byte> frame) {
  const std::lock_guard lock(mutex_);
  RINGMAIN_TRY(connected());
  auto message = exchange_frames(socket_.get(), frame, kResponseMaxBytes,
                                 os::Deadline::after_ns(times_.answer_ns), wake_);
  if (message) return message;
  socket_.reset();  // whatever comes on it now is no answer to anything
  const std::string broker = net::to_string(endpoint_);
  switch (message.error().code) {
    case ErrorCode::closed:
      return fail(ErrorCode::broker_unavailable,
                  fmt::format("{} closed the connection over a request", broker));
    case ErrorCode::request_timed_out:
      return fail(ErrorCode::request_timed_out, fmt::format("{} did not answer in time", broker));
    default:
      return fail(message.error().code, fmt::format("{}: {}", broker, message.error().message));
  }
}

}  // namespace ringmain::client
