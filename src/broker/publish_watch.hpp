// Sleeps on the broker's doorbell in a thread of its own, and calls the event loop when producers
// of other processes ring it. Costs nothing while nobody does.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "format/readers.hpp"

namespace ringmain::broker {

class PublishWatch {
 public:
  // `rung` is called from the watch's thread, once for any number of rings since the last call. The
  // bell outlives the watch.
  PublishWatch(format::Doorbell& bell, std::function<void()> rung);
  ~PublishWatch();
  PublishWatch(const PublishWatch&) = delete;
  PublishWatch& operator=(const PublishWatch&) = delete;

 private:
  void run();

  format::Doorbell& bell_;
  const std::function<void()> rung_;
  std::atomic<bool> stopping_{false};
  std::uint32_t heard_;  // the thread's own
  std::thread thread_;
};

}  // namespace ringmain::broker
