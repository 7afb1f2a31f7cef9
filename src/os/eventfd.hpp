// EventFd: a doorbell that poll and epoll can wait for. Any thread rings, one drains.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace ringmain::os {

class EventFd {
 public:
  static Result<EventFd> create() {
    UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) return fail_errno("cannot make an eventfd");
    return EventFd(std::move(fd));
  }

  int fd() const noexcept { return fd_.get(); }

  // Never blocks. A full counter (2^64 - 2 rings) has rung already.
  void ring() const noexcept {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }

  // How often it rang since the last drain; 0 if it did not.
  uint64_t drain() const noexcept {
    uint64_t count = 0;
    return ::read(fd_.get(), &count, sizeof count) == sizeof count ? count : 0;
  }

 private:
  explicit EventFd(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace ringmain::os
