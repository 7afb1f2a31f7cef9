// SIGINT and SIGTERM as a request to end cleanly. A second signal kills at once; but one that comes
// within half a second is the same request: timeout(1) sends two.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "os/eventfd.hpp"

namespace ringmain::tools {

// Make it before any other thread is started: they inherit that the signals are blocked, and so
// only its own thread receives them. One at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  bool requested() const noexcept { return requested_.load(std::memory_order_relaxed); }
  // Readable from then on, for poll.
  int fd() const noexcept { return event_.fd(); }
  // True as soon as it is requested; false when the time is up.
  bool wait(int64_t timeout_ns) const noexcept;

  // Calls `action` on the signal, from another thread; at once if it has come already. What
  // `action` uses must outlive the Call.
  class [[nodiscard]] Call {
   public:
    explicit Call(StopSignal& signal) : signal_(&signal) {}
    ~Call() { signal_->set_action(nullptr); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    StopSignal* signal_;
  };
  Call call(std::function<void()> action) {
    set_action(std::move(action));
    return Call(*this);
  }

 private:
  void watch() noexcept;
  void set_action(std::function<void()> action);

  os::EventFd event_;
  std::atomic<bool> requested_{false};
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::function<void()> action_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace ringmain::tools
