#include "client/frame_receiver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ringmain::client {
namespace {

// What is announced is not believed beyond that: memory follows what has come.
constexpr std::size_t kFirstStepBytes = 2 << 20;

}  // namespace

Result<std::size_t> FrameReceiver::read(int socket, std::span<std::byte> into) {
  for (;;) {  // again only after a signal
    const ssize_t got = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return fail(ErrorCode::closed, "the other side closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    if (errno != EINTR) return fail_errno("cannot receive");
  }
}

Result<std::optional<kafka::Bytes>> FrameReceiver::receive(int socket) {
  while (size_got_ < size_bytes_.size()) {
    RINGMAIN_TRY_ASSIGN(got, read(socket, std::span(size_bytes_).subspan(size_got_)));
    if (got == 0) return std::optional<kafka::Bytes>();
    size_got_ += got;
    if (size_got_ < size_bytes_.size()) continue;
    RINGMAIN_TRY_ASSIGN(size, kafka::frame_size_bytes(size_bytes_, max_bytes_));
    announced_bytes_ = size;
  }
  while (got_ < announced_bytes_) {
    if (got_ == message_.size())
      message_.resize(std::min(announced_bytes_, std::max(kFirstStepBytes, 2 * got_)));
    RINGMAIN_TRY_ASSIGN(got, read(socket, std::span(message_).subspan(got_)));
    if (got == 0) return std::optional<kafka::Bytes>();
    got_ += got;
  }
  size_got_ = got_ = 0;
  return std::optional<kafka::Bytes>(std::exchange(message_, {}));
}

}  // namespace ringmain::client
