#include "client/remote_greeting.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>

#include "client/frame_receiver.hpp"
#include "net/tcp_connect.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::client {
namespace {

constexpr std::size_t kVersionsMaxBytes = 1 << 20;

void wait_for_bytes(int socket, os::Deadline deadline, Wake* wake) {
  std::array<pollfd, 2> looked{
      {{socket, POLLIN, 0}, {wake != nullptr ? wake->bell.fd() : -1, POLLIN, 0}}};
  ::poll(looked.data(), looked.size(), deadline.poll_timeout_ms());
  if (looked[1].revents != 0) wake->bell.drain();
}

}  // namespace

Result<kafka::Bytes> exchange_frames(int socket, std::span<const std::byte> frame,
                                     std::size_t answer_max_bytes, os::Deadline deadline,
                                     Wake* wake) {
  RINGMAIN_TRY(os::send_with_fds(socket, frame, {}, deadline));
  FrameReceiver receiver(answer_max_bytes);
  for (;;) {  // a piece a turn, until the frame is whole or time is up
    RINGMAIN_TRY_ASSIGN(message, receiver.receive(socket));
    if (message) return std::move(*message);
    if (wake != nullptr && wake->stopping) return fail(ErrorCode::closed, "it is being closed");
    if (deadline.poll_timeout_ms() == 0)
      return fail(ErrorCode::request_timed_out, "no answer in time");
    wait_for_bytes(socket, deadline, wake);
  }
}

Result<Greeted> connect_and_greet(const net::Endpoint& endpoint, const std::string& client_id,
                                  os::Deadline deadline, Wake* wake) {
  RINGMAIN_TRY_ASSIGN(socket, net::connect_tcp(endpoint, deadline));
  BrokerVersions versions(net::to_string(endpoint));
  for (;;) {  // twice at the most
    RINGMAIN_TRY_ASSIGN(question, versions.question(client_id));
    const auto answer = exchange_frames(socket.get(), question, kVersionsMaxBytes, deadline, wake);
    if (!answer && wake != nullptr && wake->stopping) return tl::make_unexpected(answer.error());
    if (!answer && answer.error().code == ErrorCode::request_timed_out)
      return fail(ErrorCode::request_timed_out,
                  fmt::format("{} did not answer in time", net::to_string(endpoint)));
    if (!answer) return tl::make_unexpected(versions.no_broker(answer.error().message));
    RINGMAIN_TRY_ASSIGN(is_known, versions.learn(*answer, client_id));
    if (is_known) return Greeted{std::move(socket), std::move(versions)};
  }
}

}  // namespace ringmain::client
