// Whoever else may listen on a port: answers each connection with what a test says. In threads of
// its own.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "kafka/frame.hpp"
#include "kafka/headers.hpp"
#include "os/fd.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::test {

// Serves each connection in a thread of its own. Its clients must go before it does.
class FakePeer {
 public:
  using Serve = std::function<void(int socket)>;

  explicit FakePeer(Serve serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), serve_(std::move(serve)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_.get(), 16) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~FakePeer() {
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void run() {
    std::vector<std::thread> serving;
    while (!ending_) {
      os::UniqueFd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (accepted) serving.emplace_back([this, socket = std::move(accepted)] { serve_(socket.get()); });
    }
    for (std::thread& each : serving) each.join();
  }

  os::UniqueFd listener_;
  const Serve serve_;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

// A broker of few words: for each request the bytes that `answer` gives, until the client goes or
// it gives none.
inline FakePeer::Serve speaking_kafka(
    std::function<std::optional<kafka::Bytes>(const kafka::RequestHeader&, kafka::Reader&)>
        answer) {
  return [answer = std::move(answer)](int socket) {
    std::vector<os::UniqueFd> none;
    for (;;) {
      std::array<std::byte, 4> size_bytes{};
      if (!os::recv_fully(socket, size_bytes, none)) return;
      const auto size = kafka::frame_size_bytes(size_bytes, 1 << 20);
      if (!size) return;
      kafka::Bytes message(*size);
      if (!os::recv_fully(socket, message, none)) return;
      kafka::Reader reader(message);
      const auto header = kafka::RequestHeader::decode(reader);
      if (!header) return;
      const auto said = answer(*header, reader);
      if (!said || !os::send_with_fds(socket, *said, {})) return;
    }
  };
}

}  // namespace ringmain::test
