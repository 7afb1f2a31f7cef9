#include "client/broker_link.hpp"

#include <poll.h>

#include "os/poll.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kPatienceNs = 30'000'000'000;  // with a broker that takes nothing

}  // namespace

void BrokerLink::close() noexcept {
  socket_.reset();
  receiver_ = FrameReceiver(kResponseMaxBytes);
  asked_.clear();
}

Status BrokerLink::open() {
  if (socket_) return {};
  RINGMAIN_TRY_ASSIGN(dialed, peer_->dial());
  socket_ = std::move(dialed.socket);
  versions_.reset();
  if (dialed.versions) versions_.emplace(std::move(*dialed.versions));
  return {};
}

Result<std::int16_t> BrokerLink::version_of(std::int16_t api_key, Versions versions) const {
  if (!versions_) return versions.most;
  return versions_->best(api_key, versions);
}

Status BrokerLink::send_frame(std::span<const std::byte> frame) {
  const Status sent =
      os::send_with_fds(socket_.get(), frame, {}, os::Deadline::after_ns(kPatienceNs));
  if (!sent) close();
  return sent;
}

Result<std::optional<kafka::Bytes>> BrokerLink::receive_frame(os::Deadline deadline) {
  if (!socket_ || asked_.empty())
    return fail(ErrorCode::closed, "the connection to " + peer_->name() + " has ended");
  for (;;) {  // a piece a turn, until the frame is whole or time is up
    auto message = receiver_.receive(socket_.get());
    if (!message) close();
    if (!message || *message) return message;
    if (os::wait_ready(socket_.get(), POLLIN, deadline) == os::PollWait::timed_out)
      return std::optional<kafka::Bytes>();
  }
}

}  // namespace ringmain::client
