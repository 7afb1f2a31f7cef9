// Starts a process that belongs to nobody: it outlives its starter, its terminal, and holds
// none of the starter's descriptors.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"

namespace ringmain::os {

// argv[0] is the path of the executable (PATH is not searched). Standard input is
// /dev/null; output and errors are appended to the file at `log_path`. Signals are at their
// defaults; environment and working directory are the caller's. Returns once the new program runs,
// or with the reason why it could not be executed. The process id is good for messages only: the
// process may be gone already.
Result<pid_t> spawn_detached(const std::vector<std::string>& argv, const std::string& log_path);

}  // namespace ringmain::os
