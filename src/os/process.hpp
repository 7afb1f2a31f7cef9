// What /proc tells about a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ringmain::os {

struct ProcessState {
  char state = '?';               // R running, S sleeping, D on disk, T stopped, Z dead, ...
  uint64_t start_time_ticks = 0;  // since boot; with the pid it names one process

  bool is_stopped() const noexcept { return state == 'T' || state == 't'; }
  bool is_dead() const noexcept { return state == 'Z' || state == 'X'; }
};

// ErrorCode::closed when there is no such process.
Result<ProcessState> process_state(pid_t pid);

// The content of /proc/PID/stat; the name within may hold spaces and parentheses.
Result<ProcessState> parse_process_stat(std::string_view stat);

// The name a person knows the process by, "?" when it cannot be read.
std::string process_name(pid_t pid);

// Of the running program.
Result<std::string> executable_path();

}  // namespace ringmain::os
