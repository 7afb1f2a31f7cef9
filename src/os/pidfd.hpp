// Pidfd: a process that cannot be mistaken for a later one with the same number.
#pragma once

#include <sys/types.h>

#include "base/result.hpp"
#include "os/deadline.hpp"
#include "os/fd.hpp"

namespace ringmain::os {

class Pidfd {
 public:
  // Fails with ErrorCode::closed when there is no such process. A process that was already
  // dead and has not been reaped opens, and is dead.
  static Result<Pidfd> open(pid_t pid);

  explicit Pidfd(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  // Readable, for poll and epoll, once the process is dead.
  int fd() const noexcept { return fd_.get(); }

  bool is_dead() const noexcept;

  enum class Wait { dead, timed_out };
  Wait wait(Deadline deadline = Deadline::never()) const noexcept;

  // ErrorCode::closed when the process is dead.
  Status send_signal(int signal) const;

 private:
  UniqueFd fd_;
};

}  // namespace ringmain::os
