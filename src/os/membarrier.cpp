// The membarrier system call.
#include "os/membarrier.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.hpp"

namespace ringmain::os {
namespace {

int64_t membarrier(int command) noexcept {
  return ::syscall(SYS_membarrier, command, 0, 0);
}

}  // namespace

bool global_barrier_supported() noexcept {
  constexpr int64_t needed =
      MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;
  static const int64_t commands = membarrier(MEMBARRIER_CMD_QUERY);
  return commands >= 0 && (commands & needed) == needed;
}

Status register_for_global_barrier() {
  if (!global_barrier_supported()) {
    return fail(ErrorCode::io,
                "this kernel, or its seccomp filter, has no "
                "membarrier GLOBAL_EXPEDITED; use seq_cst fences instead");
  }
  static const int error = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0 ? 0 : errno;
  if (error != 0) return fail_errno("cannot register for memory barriers", error);
  return {};
}

void global_barrier() noexcept {
  const int64_t result = membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
  RINGMAIN_ASSERT(result == 0);  // a barrier that did not happen would lose a wake-up
}

}  // namespace ringmain::os
