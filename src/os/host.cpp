// Cores, CPU and kernel, from the scheduler and /proc.
#include "os/host.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <memory>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

constexpr int cores_max = 8192;  // NR_CPUS of the largest kernels

struct CpuSetFree {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using CpuSet = std::unique_ptr<cpu_set_t, CpuSetFree>;

size_t cpu_set_bytes() {
  return CPU_ALLOC_SIZE(cores_max);
}

CpuSet empty_cpu_set() {
  CpuSet set(CPU_ALLOC(cores_max));
  CPU_ZERO_S(cpu_set_bytes(), set.get());
  return set;
}

constexpr uint64_t cpuinfo_max_bytes = uint64_t{64} << 20;  // some 1.5 KiB a core

}  // namespace

Status pin_to_core(int core) {
  if (core < 0 || core >= cores_max) {
    return fail(ErrorCode::invalid_argument, fmt::format("there is no core {}", core));
  }
  const CpuSet set = empty_cpu_set();
  CPU_SET_S(static_cast<size_t>(core), cpu_set_bytes(), set.get());
  if (::sched_setaffinity(0, cpu_set_bytes(), set.get()) == 0) return {};
  if (errno == EINVAL) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot run on core {}: the machine has none, or this process's "
                            "cpuset leaves it out",
                            core));
  }
  return fail_errno(fmt::format("cannot pin a thread to core {}", core));
}

std::vector<int> available_cores() {
  const CpuSet set = empty_cpu_set();
  std::vector<int> cores;
  if (::sched_getaffinity(0, cpu_set_bytes(), set.get()) != 0) return cores;
  for (int core = 0; core < cores_max; ++core) {
    if (CPU_ISSET_S(static_cast<size_t>(core), cpu_set_bytes(), set.get())) cores.push_back(core);
  }
  return cores;
}

std::string cpu_model() {
  constexpr std::string_view key = "model name";
  const Result<std::string> info = read_small_file("/proc/cpuinfo", cpuinfo_max_bytes);
  if (!info) return "unknown CPU";
  const size_t line = info->find(key);
  const size_t colon = line == std::string::npos ? line : info->find(": ", line);
  if (colon == std::string::npos) return "unknown CPU";
  const size_t begin = colon + 2;
  return info->substr(begin, info->find('\n', begin) - begin);
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown kernel";
}

}  // namespace ringmain::os
