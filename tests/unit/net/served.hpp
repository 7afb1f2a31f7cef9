// A server in a thread of its own, and blocking clients that speak to it by hand.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/server.hpp"
#include "net/tcp_address.hpp"
#include "os/unix_socket.hpp"
#include "unit/net/frames.hpp"

namespace ringmain::net {

// Lines that the loop's thread writes, and any thread waits for.
class Journal {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }

  // The first line that has this text, once there is one.
  std::string wait_for(const std::string& text) {
    std::unique_lock lock(mutex_);
    size_t i = 0;
    while (true) {  // ends with the line, or with the test runner's patience
      for (; i < lines_.size(); ++i) {
        if (lines_[i].find(text) != std::string::npos) return lines_[i];
      }
      changed_.wait(lock);
    }
  }

  size_t count(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(std::ranges::count_if(
        lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// A handler made of functions; they run on the loop's thread.
class ScriptedHandler final : public RequestHandler {
 public:
  std::function<Reply(Connection&, std::string)> on_request = [](Connection&, std::string text) {
    return Reply{bytes_of(framed(text))};  // an echo
  };
  std::function<void(Connection&)> on_closed = [](Connection&) {};

  Reply handle(Connection& connection, std::span<const std::byte> request) override {
    return on_request(connection, text_of(request));
  }
  void closed(Connection& connection) override { on_closed(connection); }
};

class Client {
 public:
  explicit Client(os::UniqueFd socket) : socket_(std::move(socket)) {}

  void send(std::string_view bytes) {
    const Status sent = os::send_with_fds(socket_.get(), std::as_bytes(std::span(bytes)), {});
    ASSERT_TRUE(sent) << sent.error().message;
  }

  // The body of the next frame; "(closed)" at the end of the stream. Descriptors that came
  // beside it are in `fds`.
  std::string receive() {
    fds.clear();
    std::string length(4, '\0');
    if (!fill(length)) return "(closed)";
    uint32_t size = 0;
    for (const char c : length) size = size << 8 | static_cast<uint8_t>(c);
    std::string body(size, '\0');
    return fill(body) ? body : "(closed)";
  }

  void end_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void disconnect() { socket_.reset(); }
  int fd() const { return socket_.get(); }

  std::vector<os::UniqueFd> fds;

 private:
  bool fill(std::string& text) {
    return os::recv_fully(socket_.get(), std::as_writable_bytes(std::span(text)), fds).has_value();
  }

  os::UniqueFd socket_;
};

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override { stop(); }

  void start(size_t memory_max_bytes = connections_memory_max_bytes) {
    server_ = std::make_unique<Server>(
        loop_, handler_, [this](LogLevel, std::string_view line) { log_.add(std::string(line)); }, memory_max_bytes);
    thread_ = std::thread([this] { loop_.run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    on_loop([this] { server_.reset(); });
    loop_.stop();
    thread_.join();
  }

  // Runs it on the loop's thread and waits.
  void on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    loop_.post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  void serve_unix(const Limits& limits = Limits::for_unix_socket()) {
    path_ = std::filesystem::path(testing::TempDir()) / ("net_test." + std::to_string(::getpid()));
    auto socket = os::listen_unix(path_);
    ASSERT_TRUE(socket) << socket.error().message;
    on_loop([&] {
      ASSERT_TRUE(server_->serve(Listener::on_unix_socket(std::move(*socket), path_), limits));
    });
  }

  Endpoint serve_tcp(const Endpoint& wanted = {"127.0.0.1", 0},
                     const Limits& limits = Limits::for_tcp()) {
    auto listener = Listener::on_tcp(wanted);
    EXPECT_TRUE(listener) << listener.error().message;
    const Endpoint bound = listener->bound();
    on_loop([&] { ASSERT_TRUE(server_->serve(std::move(*listener), limits)); });
    return bound;
  }

  Client connect_unix() {
    auto socket = os::connect_unix(path_);
    EXPECT_TRUE(socket) << socket.error().message;
    return Client(std::move(*socket));
  }

  static Client connect_tcp(const Endpoint& to) {
    const auto addresses = addresses_to_bind(to);
    EXPECT_TRUE(addresses);
    const TcpAddress& address = addresses->front();
    os::UniqueFd socket(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), address.generic(), address.size_bytes), 0);
    return Client(std::move(socket));
  }

  // Whatever the loop had to do before is done when this returns.
  static void round_trip(Client& client) {
    client.send(framed("ping"));
    ASSERT_EQ(client.receive(), "ping");
  }

  Journal log_;
  ScriptedHandler handler_;  // scripted before start()
  EventLoop loop_;
  std::unique_ptr<Server> server_;  // loop thread only, once started

 private:
  std::string path_;
  std::thread thread_;
};

}  // namespace ringmain::net
