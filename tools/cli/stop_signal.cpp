// The thread that receives SIGINT and SIGTERM.
#include "cli/stop_signal.hpp"

#include <poll.h>
#include <pthread.h>

#include <csignal>

#include "base/clock.hpp"
#include "cli/exit.hpp"
#include "os/deadline.hpp"
#include "os/poll.hpp"

namespace ringmain::tools {
namespace {

constexpr int64_t kSameRequestNs = 500'000'000;

// SIGUSR1 only ends the thread: nobody else sends it while it is blocked.
sigset_t watched_signals() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGUSR1);
  return signals;
}

[[noreturn]] void die_of(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(signal);
  std::abort();  // not reached: the default of both signals is to end the process
}

}  // namespace

StopSignal::StopSignal() : event_(value_or_throw(os::EventFd::create())) {
  const sigset_t signals = watched_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  thread_ = std::thread([this] { watch(); });
}

StopSignal::~StopSignal() {
  ending_.store(true, std::memory_order_release);  // SYNC(ending); partner: watch()
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

bool StopSignal::wait(int64_t timeout_ns) const noexcept {
  os::wait_ready(fd(), POLLIN, os::Deadline::after_ns(timeout_ns));
  return requested();
}

void StopSignal::watch() noexcept {
  const sigset_t signals = watched_signals();
  int64_t requested_ns = 0;
  for (;;) {  // until the destructor says so
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGUSR1) {
      if (ending_.load(std::memory_order_acquire)) return;  // SYNC(ending)
      continue;
    }
    if (requested_.exchange(true, std::memory_order_relaxed)) {
      if (now_steady_ns() - requested_ns > kSameRequestNs) die_of(signal);
      continue;
    }
    requested_ns = now_steady_ns();
    event_.ring();
    const std::lock_guard lock(mutex_);
    if (action_) action_();
  }
}

void StopSignal::set_action(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  action_ = std::move(action);
  if (action_ && requested()) action_();
}

}  // namespace ringmain::tools
