// Reading /proc/PID/task.
#include "perf/broker_threads.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <set>
#include <sstream>

#include "cli/exit.hpp"
#include "os/file.hpp"
#include "perf/placement.hpp"

namespace ringmain::tools {
namespace {

std::string task_file(pid_t process, pid_t thread, const char* name) {
  const auto text = os::read_small_file(fmt::format("/proc/{}/task/{}/{}", process, thread, name));
  return text ? *text : std::string{};
}

// The 39th field of /proc/PID/stat; -1 if it cannot be read.
int last_core(const std::string& stat) {
  const size_t name_end = stat.rfind(')');  // the name may hold spaces
  if (name_end == std::string::npos) return -1;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 39; ++number)
    if (!(fields >> field)) return -1;
  int core = -1;
  std::from_chars(field.data(), field.data() + field.size(), core);
  return core;
}

std::string allowed_cores(const std::string& status) {
  constexpr std::string_view key = "Cpus_allowed_list:";
  const size_t at = status.find(key);
  if (at == std::string::npos) return "?";
  const size_t begin = status.find_first_not_of(" \t", at + key.size());
  return status.substr(begin, status.find('\n', begin) - begin);
}

}  // namespace

BrokerThreads::BrokerThreads(pid_t pid) : pid_(pid) {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    Thread thread;
    thread.id = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    CPU_ZERO(&thread.allowed);
    if (::sched_getaffinity(thread.id, sizeof(thread.allowed), &thread.allowed) == 0)
      threads_.push_back(thread);
  }
}

BrokerThreads::~BrokerThreads() {
  if (!is_pinned_) return;
  for (const Thread& thread : threads_)
    ::sched_setaffinity(thread.id, sizeof(thread.allowed), &thread.allowed);
}

void BrokerThreads::pin(int core) {
  is_pinned_ = true;
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<size_t>(core), &only);
  for (const Thread& thread : threads_) {
    if (::sched_setaffinity(thread.id, sizeof(only), &only) == 0 || errno == ESRCH) continue;
    throw Exception(
        fail_errno(fmt::format("cannot bind the broker (pid {}) to core {}", pid_, core)).value());
  }
}

double BrokerThreads::cpu_seconds() const {
  double nanoseconds = 0;
  for (const Thread& thread : threads_) {
    std::istringstream text(task_file(pid_, thread.id, "schedstat"));
    double on_cpu = 0;
    if (text >> on_cpu) nanoseconds += on_cpu;
  }
  return nanoseconds / 1e9;
}

std::string BrokerThreads::placement() const {
  std::set<std::string> allowed;
  std::set<int> last;
  for (const Thread& thread : threads_) {
    allowed.insert(allowed_cores(task_file(pid_, thread.id, "status")));
    if (const int core = last_core(task_file(pid_, thread.id, "stat")); core >= 0)
      last.insert(core);
  }
  std::string text = "cores";
  for (const std::string& cores : allowed) text += " " + cores;
  return text + ", last seen on " + to_text({last.begin(), last.end()});
}

}  // namespace ringmain::tools
