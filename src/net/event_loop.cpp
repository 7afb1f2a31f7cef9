// The loop on Boost.Asio's epoll reactor; timers and watches re-arm themselves.
#include "net/event_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <utility>

namespace ringmain::net {

namespace asio = boost::asio;
using boost::system::error_code;

struct EventLoop::State {
  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> keeps_running{context.get_executor()};
  asio::signal_set signals{context};
  std::function<void(int)> on_signal;

  void wait_for_signal();
};

class Registration::Source {
 public:
  virtual ~Source() = default;
  virtual void cancel() noexcept = 0;
};

namespace {

// A callback may cancel its own registration, so each call works on a copy that lives on.
class TimerSource final : public Registration::Source,
                          public std::enable_shared_from_this<TimerSource> {
 public:
  enum class Repeat { no, yes };

  TimerSource(asio::io_context& context, std::chrono::nanoseconds delay, Repeat repeat,
              EventLoop::Callback callback)
      : timer_(context), delay_(delay), repeat_(repeat), callback_(std::move(callback)) {}

  void arm() {
    timer_.expires_after(delay_);
    timer_.async_wait([self = shared_from_this()](error_code) { self->fire(); });
  }

  void cancel() noexcept override {
    is_cancelled_ = true;
    error_code ignored;
    (void)timer_.cancel(ignored);
  }

 private:
  // An expiry that was on its way when cancel() came still gets here.
  void fire() {
    if (is_cancelled_) return;
    callback_();
    if (repeat_ == Repeat::yes && !is_cancelled_) arm();
  }

  asio::steady_timer timer_;
  const std::chrono::nanoseconds delay_;
  const Repeat repeat_;
  const EventLoop::Callback callback_;
  bool is_cancelled_ = false;
};

class WatchSource final : public Registration::Source,
                          public std::enable_shared_from_this<WatchSource> {
 public:
  WatchSource(asio::io_context& context, EventLoop::Callback callback)
      : descriptor_(context), callback_(std::move(callback)) {}
  ~WatchSource() override { give_back(); }

  Status start(int fd) {
    error_code error;
    if (descriptor_.assign(fd, error))
      return fail_errno("cannot watch a file descriptor", error.value());
    arm();
    return {};
  }

  void cancel() noexcept override {
    is_cancelled_ = true;
    give_back();
  }

 private:
  void arm() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](error_code error) { self->fire(error); });
  }

  void fire(error_code error) {
    if (is_cancelled_ || error) return;
    callback_();
    if (!is_cancelled_) arm();
  }

  // The descriptor is borrowed: taken out of the reactor, never closed.
  void give_back() noexcept {
    if (descriptor_.is_open()) descriptor_.release();
  }

  asio::posix::stream_descriptor descriptor_;
  const EventLoop::Callback callback_;
  bool is_cancelled_ = false;
};

}  // namespace

Registration& Registration::operator=(Registration&& other) noexcept {
  if (this != &other) {
    cancel();
    source_ = std::move(other.source_);
  }
  return *this;
}

void Registration::cancel() noexcept {
  if (const std::shared_ptr<Source> source = std::exchange(source_, nullptr)) source->cancel();
}

EventLoop::EventLoop() : state_(std::make_unique<State>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  state_->context.run();
}

void EventLoop::stop() noexcept {
  state_->context.stop();
}

void EventLoop::post(Callback callback) {
  asio::post(state_->context, std::move(callback));
}

Registration EventLoop::call_after(std::chrono::nanoseconds delay, Callback callback) {
  auto source = std::make_shared<TimerSource>(state_->context, delay, TimerSource::Repeat::no,
                                              std::move(callback));
  source->arm();
  return Registration(std::move(source));
}

Registration EventLoop::call_every(std::chrono::nanoseconds period, Callback callback) {
  auto source = std::make_shared<TimerSource>(state_->context, period, TimerSource::Repeat::yes,
                                              std::move(callback));
  source->arm();
  return Registration(std::move(source));
}

Result<Registration> EventLoop::watch_readable(int fd, Callback callback) {
  auto source = std::make_shared<WatchSource>(state_->context, std::move(callback));
  RINGMAIN_TRY(source->start(fd));
  return Registration(std::move(source));
}

void EventLoop::on_stop_signal(std::function<void(int)> callback) {
  state_->on_signal = std::move(callback);
  state_->signals.cancel();
  state_->signals.add(SIGINT);
  state_->signals.add(SIGTERM);
  state_->wait_for_signal();
}

void EventLoop::State::wait_for_signal() {
  signals.async_wait([this](error_code error, int signal) {
    if (error) return;
    on_signal(signal);
    wait_for_signal();
  });
}

asio::io_context& EventLoop::context() noexcept {
  return state_->context;
}

}  // namespace ringmain::net
