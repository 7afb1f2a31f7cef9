// Takes a frame from a socket piece by piece, as it comes, and never waits for the rest of it. One
// thread.
#pragma once

#include <array>
#include <optional>

#include "base/result.hpp"
#include "kafka/frame.hpp"

namespace ringmain::client {

class FrameReceiver {
 public:
  explicit FrameReceiver(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The frame without its size; no value: it is not whole yet. Descriptors that come along are
  // dropped. Errors: closed, io, and a size above the limit; the stream is of no use then.
  Result<std::optional<kafka::Bytes>> receive(int socket);

 private:
  // How many bytes came; 0: none at present.
  static Result<std::size_t> read(int socket, std::span<std::byte> into);

  std::size_t max_bytes_;
  std::array<std::byte, kafka::kFrameSizeBytes> size_bytes_{};
  std::size_t size_got_ = 0;
  std::size_t announced_bytes_ = 0;
  kafka::Bytes message_;
  std::size_t got_ = 0;
};

}  // namespace ringmain::client
