// Deadline: the steady time at which a wait gives up.
#pragma once

#include <cstdint>
#include <limits>

#include "base/clock.hpp"

namespace ringmain::os {

class Deadline {
 public:
  static constexpr Deadline never() noexcept { return Deadline(never_ns); }
  static constexpr Deadline at_steady_ns(int64_t steady_ns) noexcept { return Deadline(steady_ns); }
  static Deadline after_ns(int64_t duration_ns) noexcept {
    const int64_t now_ns = now_steady_ns();
    return Deadline(duration_ns > never_ns - now_ns ? never_ns : now_ns + duration_ns);
  }

  constexpr bool is_never() const noexcept { return steady_ns_ == never_ns; }

  // For poll and epoll_wait: -1 for never, 0 when it has passed. Rounded up, so that a wait
  // does not end early and spin.
  int poll_timeout_ms() const noexcept {
    if (is_never()) return -1;
    const int64_t left_ns = steady_ns_ - now_steady_ns();
    if (left_ns <= 0) return 0;
    const int64_t left_ms = (left_ns - 1) / 1'000'000 + 1;
    return left_ms > longest_poll_ms ? longest_poll_ms : static_cast<int>(left_ms);
  }

 private:
  static constexpr int64_t never_ns = std::numeric_limits<int64_t>::max();
  static constexpr int longest_poll_ms = std::numeric_limits<int>::max();

  constexpr explicit Deadline(int64_t steady_ns) noexcept : steady_ns_(steady_ns) {}

  int64_t steady_ns_;
};

}  // namespace ringmain::os
