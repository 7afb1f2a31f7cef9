// Locks that the kernel holds for an open file description, and drops when its last
// descriptor closes, also by death (F_OFD_SETLK). Advisory; none of these calls waits.
//
// Two opens of one file are two owners, also within a process; a dup, or a descriptor passed over a
// socket, is the same owner. The descriptor must be open for writing.
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace ringmain::os {

enum class LockOutcome { taken, held_elsewhere };

// The whole file, whatever its size. Taking it again is fine.
Result<LockOutcome> try_lock_file(int fd);

// One byte, which need not exist: the byte's index stands for whatever the caller numbers.
Result<LockOutcome> try_lock_byte(int fd, uint64_t index);
Status unlock_byte(int fd, uint64_t index);

// By another owner than `fd`.
Result<bool> is_byte_locked(int fd, uint64_t index);

}  // namespace ringmain::os
