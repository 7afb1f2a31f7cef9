// EventLoop: the one thread that everything of a broker runs on, asleep when nothing happens.
//
// Whoever calls run() is that thread. Callbacks run there one after the other, never inside
// the call that registered them; they must not throw and must not wait.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/result.hpp"

namespace boost::asio {
class io_context;
}

namespace ringmain::net {

// A timer or a watch. Its callback runs only while this lives; destroying it within its own
// callback is fine. Loop thread only; the loop outlives it.
class Registration {
 public:
  Registration() = default;
  Registration(Registration&& other) noexcept = default;
  Registration& operator=(Registration&& other) noexcept;
  ~Registration() { cancel(); }

  void cancel() noexcept;
  explicit operator bool() const noexcept { return source_ != nullptr; }

  class Source;  // what calls back: event_loop.cpp
  explicit Registration(std::shared_ptr<Source> source) noexcept : source_(std::move(source)) {}

 private:
  std::shared_ptr<Source> source_;
};

class EventLoop {
 public:
  using Callback = std::function<void()>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Until stop(); at once if that came before. Callbacks that were posted and have not run
  // by then are dropped with the loop.
  void run();

  // Any thread may call these two.
  void stop() noexcept;
  void post(Callback callback);

  // The first call of call_every comes after one period; a late call does not hurry the
  // next ones.
  [[nodiscard]] Registration call_after(std::chrono::nanoseconds delay, Callback callback);
  [[nodiscard]] Registration call_every(std::chrono::nanoseconds period, Callback callback);

  // Each time the loop finds the descriptor readable; the callback drains it, or is called
  // again. For eventfds and pidfds (a dead process stays readable: cancel then). `fd` is
  // borrowed: it stays open as long as the registration. One watch a descriptor.
  [[nodiscard]] Result<Registration> watch_readable(int fd, Callback callback);

  // SIGINT and SIGTERM no longer end the process but call this, with the number.
  void on_stop_signal(std::function<void(int signal)> callback);

  boost::asio::io_context& context() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringmain::net
