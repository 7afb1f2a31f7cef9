// A memory barrier in other processes: the sleeper pays it, so that the publisher pays no
// fence per record (membarrier(2), GLOBAL_EXPEDITED).
//
// Every process that publishes registers; a sleeper's global_barrier() then acts as a full
// fence on each running thread of these processes. Where it is not supported, both sides
// put a seq_cst fence instead.
#pragma once

#include "base/result.hpp"

namespace ringmain::os {

// Of this kernel, and not forbidden by seccomp.
bool global_barrier_supported() noexcept;

// Makes this process a target of the barriers. Once a process is enough; calling it again
// is cheap. Thread safe.
Status register_for_global_barrier();

// Requires global_barrier_supported(). About 1-2 us on an idle host, more with many CPUs.
void global_barrier() noexcept;

}  // namespace ringmain::os
