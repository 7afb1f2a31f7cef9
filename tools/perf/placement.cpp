// Choosing cores.
#include "perf/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/exit.hpp"
#include "os/file.hpp"
#include "os/host.hpp"

namespace ringmain::tools {
namespace {

// The kernel's name of the physical core: the list of the threads that share it.
std::string siblings_of(int core) {
  const auto text = os::read_small_file(
      fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", core));
  return text ? *text : fmt::to_string(core);
}

// Available cores, each physical one once before any second thread of it.
std::vector<int> by_preference(const std::vector<int>& available) {
  std::vector<int> first_threads, others;
  std::set<std::string> seen;
  for (const int core : available)
    (seen.insert(siblings_of(core)).second ? first_threads : others).push_back(core);
  first_threads.insert(first_threads.end(), others.begin(), others.end());
  return first_threads;
}

}  // namespace

Waiting parse_waiting(const std::string& name) {
  return name == "spin" ? Waiting::spin : name == "yield" ? Waiting::yield : Waiting::sleep;
}

const char* waiting_name(Waiting waiting) noexcept {
  switch (waiting) {
    case Waiting::spin:
      return "spin";
    case Waiting::yield:
      return "yield";
    case Waiting::sleep:
      return "sleep";
  }
  return "?";
}

std::vector<int> place(size_t processes, const std::vector<int>& wanted) {
  const std::vector<int> available = os::available_cores();
  for (const int core : wanted) {
    if (std::find(available.begin(), available.end(), core) == available.end()) {
      throw UsageError(
          fmt::format("--cores: core {} is not available; there are {}", core, to_text(available)));
    }
  }
  const std::vector<int> cores = wanted.empty() ? by_preference(available) : wanted;
  std::vector<int> placed;
  for (size_t i = 0; i < processes; ++i) placed.push_back(cores[i % cores.size()]);
  return placed;
}

bool share_a_core(const std::vector<int>& cores) {
  return std::set<int>(cores.begin(), cores.end()).size() < cores.size();
}

std::string to_text(const std::vector<int>& cores) {
  std::string text;
  for (const int core : cores) {
    if (!text.empty()) text += ',';
    text += fmt::to_string(core);
  }
  return text;
}

}  // namespace ringmain::tools
