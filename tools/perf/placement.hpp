// Where the processes of a benchmark run, and how they wait there.
#pragma once

#include <string>
#include <vector>

namespace ringmain::tools {

enum class Waiting { spin, yield, sleep };

Waiting parse_waiting(const std::string& name);
const char* waiting_name(Waiting waiting) noexcept;

// One core for each of `processes`. `wanted`: from --cores, or empty: different physical cores as
// far as there are any. Throws UsageError for a core that this process may not use.
std::vector<int> place(size_t processes, const std::vector<int>& wanted);

// Whether two of the processes share a core: spinning would then only keep the other from
// running.
bool share_a_core(const std::vector<int>& cores);

// "0,1"
std::string to_text(const std::vector<int>& cores);

}  // namespace ringmain::tools
