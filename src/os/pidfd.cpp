// The pidfd system calls; glibc 2.36 declares its wrappers without extern "C".
#include "os/pidfd.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/poll.hpp"

namespace ringmain::os {

Result<Pidfd> Pidfd::open(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (fd) return Pidfd(std::move(fd));
  if (errno == ESRCH) return fail(ErrorCode::closed, fmt::format("there is no process {}", pid));
  return fail_errno(fmt::format("cannot watch process {}", pid));
}

bool Pidfd::is_dead() const noexcept {
  return wait(Deadline::at_steady_ns(0)) == Wait::dead;
}

Pidfd::Wait Pidfd::wait(Deadline deadline) const noexcept {
  return wait_ready(fd_.get(), POLLIN, deadline) == PollWait::ready ? Wait::dead : Wait::timed_out;
}

Status Pidfd::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) == 0) return {};
  if (errno == ESRCH) return fail(ErrorCode::closed, "the process is dead");
  return fail_errno(fmt::format("cannot send signal {}", signal));
}

}  // namespace ringmain::os
