// Processes of the campaign, one at a time: starting them, and seeing what has become of them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace ringmain::crash {

// Starts this program again, with RINGMAIN_FAULT if `fault` says something, and what it prints at
// the end of a file. Its end comes with ours.
pid_t start_self(const std::vector<std::string>& arguments, const std::string& fault,
                 const std::string& log);

char state_of(pid_t pid);  // 'T' stopped, 'Z' dead and not reaped, '-' gone
std::string describe_end(int wait_status);
std::string tail_of(const std::string& path, std::size_t lines);

}  // namespace ringmain::crash
