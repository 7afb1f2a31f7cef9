// Wakes a thread that waits for a broker, and tells it to end. stop() by any thread.
#pragma once

#include <atomic>

#include "os/eventfd.hpp"

namespace ringmain::client {

struct Wake {
  static Wake make();  // throws Exception: no descriptor is left

  os::EventFd bell;
  std::atomic<bool> stopping{false};

  void stop() noexcept {
    stopping = true;
    bell.ring();
  }
};

}  // namespace ringmain::client
