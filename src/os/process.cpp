// Readers of /proc/PID.
#include "os/process.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

// Counted in proc(5) from 1; the state is field 3, right after the name.
constexpr int state_field = 3;
constexpr int start_time_field = 22;

}  // namespace

Result<ProcessState> process_state(pid_t pid) {
  const Result<std::string> stat = read_small_file(fmt::format("/proc/{}/stat", pid));
  if (stat) return parse_process_stat(*stat);
  // Only the kernel's own word counts as death: the read may have failed for lack of
  // descriptors, or because /proc is hidden.
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    return fail(ErrorCode::closed, fmt::format("there is no process {}", pid));
  }
  return tl::make_unexpected(stat.error());
}

Result<ProcessState> parse_process_stat(std::string_view stat) {
  const auto bad = [&] {
    return fail(ErrorCode::io, fmt::format("cannot read the state of a process from \"{}\"", stat));
  };
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || stat.size() < name_end + 3) return bad();
  ProcessState found;
  found.state = stat[name_end + 2];

  size_t at = name_end + 1;  // at the space before a field
  for (int field = state_field; field < start_time_field; ++field) {
    at = stat.find(' ', at + 1);
    if (at == std::string_view::npos) return bad();
  }
  const char* begin = stat.data() + at + 1;
  const char* end = stat.data() + stat.size();
  if (std::from_chars(begin, end, found.start_time_ticks).ec != std::errc{}) return bad();
  return found;
}

std::string process_name(pid_t pid) {
  Result<std::string> name = read_small_file(fmt::format("/proc/{}/comm", pid));
  if (!name || name->empty()) return "?";
  if (name->back() == '\n') name->pop_back();
  return *name;
}

Result<std::string> executable_path() {
  std::array<char, PATH_MAX> path;
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length < 0) return fail_errno("cannot find the path of the running program");
  return std::string(path.data(), static_cast<size_t>(length));
}

}  // namespace ringmain::os
