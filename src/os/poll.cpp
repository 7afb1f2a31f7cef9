// poll(2) for one descriptor.
#include "os/poll.hpp"

#include <poll.h>

#include <cerrno>

#include "base/assert.hpp"

namespace ringmain::os {

PollWait wait_ready(int fd, short events, Deadline deadline) noexcept {
  pollfd waited{fd, events, 0};
  while (true) {  // ends: at the deadline; a signal only asks for another round
    const int timeout_ms = deadline.poll_timeout_ms();
    const int count = ::poll(&waited, 1, timeout_ms);
    if (count > 0) return PollWait::ready;
    if (count == 0 && timeout_ms == 0) return PollWait::timed_out;
    RINGMAIN_ASSERT(count == 0 || errno == EINTR || errno == ENOMEM);
  }
}

}  // namespace ringmain::os
