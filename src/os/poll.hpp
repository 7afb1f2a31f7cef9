// Waits for one descriptor, up to a deadline, across signals.
#pragma once

#include "os/deadline.hpp"

namespace ringmain::os {

enum class PollWait { ready, timed_out };

// `events` as for poll(2). An error or a hang-up counts as ready: the call that follows
// tells which.
PollWait wait_ready(int fd, short events, Deadline deadline) noexcept;

}  // namespace ringmain::os
