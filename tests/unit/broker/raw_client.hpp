// A client without manners: speaks to a broker's sockets byte by byte.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "bus_fixture.hpp"
#include "kafka/frame.hpp"
#include "kafka/generated/messages.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::test {

enum class Peer { open, closed };

class RawClient {
 public:
  // To the bus's Unix socket.
  explicit RawClient(const TemporaryBus& bus)
      : socket_(std::move(*os::connect_unix(bus.file("broker.sock")))) {}
  // To a TCP listener on 127.0.0.1, "HOST:PORT".
  explicit RawClient(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) std::abort();
  }

  // What the peer does not take is its own affair.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end_writing() { ::shutdown(socket_.get(), SHUT_WR); }

  // Waits until the peer has closed; what it said before is thrown away.
  void wait_until_closed() {
    char bytes[4096];
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (got == 0 || (got < 0 && errno != EINTR)) return;
    }
  }

  template <class Request>
  void send_request(const Request& request, std::int16_t version = 0) {
    const auto frame = kafka::request_frame(request, {version, 1, "raw"});
    send({reinterpret_cast<const char*>(frame->data()), frame->size()});
  }
  template <class Response, class Request>
  Response ask(const Request& request, std::int16_t version = 0) {
    send_request(request, version);
    return answer<Response>(version);
  }
  // To the oldest request that has none yet. Records in it stay until the next one.
  template <class Response>
  Response answer(std::int16_t version = 0) {
    fds.clear();
    std::array<std::byte, 4> size{};
    EXPECT_TRUE(os::recv_fully(socket_.get(), size, fds)) << "the broker hung up";
    message_.resize(*kafka::frame_size_bytes(size, 100 << 20));
    EXPECT_TRUE(os::recv_fully(socket_.get(), message_, fds)) << "the broker hung up";
    return kafka::decode_response<Response>(message_, {version, 1, "raw"}).value();
  }
  kafka::HelloResponse hello(std::int32_t version = 1) {
    return ask<kafka::HelloResponse>(kafka::HelloRequest{.protocol_version = version, .client_id = "raw"});
  }
  kafka::AttachResponse attach(const std::string& topic, std::int32_t partition, std::int8_t role) {
    return ask<kafka::AttachResponse>(
        kafka::AttachRequest{.topic = topic, .partition = partition, .role = role, .protocol_version = 1});
  }

  std::vector<os::UniqueFd> fds;  // that came with the last answer

 private:
  os::UniqueFd socket_;
  kafka::Bytes message_;
};

}  // namespace ringmain::test
