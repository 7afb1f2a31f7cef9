// Asking the system.
#include "compare/machine.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "cli/build_info.hpp"
#include "os/file.hpp"
#include "os/host.hpp"

namespace ringmain::bench {
namespace {

// PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
std::string system_name() {
  const auto text = os::read_small_file("/etc/os-release");
  constexpr std::string_view key = "PRETTY_NAME=\"";
  const size_t at = text ? text->find(key) : std::string::npos;
  if (at == std::string::npos) return "unknown system";
  const size_t begin = at + key.size();
  return text->substr(begin, text->find('"', begin) - begin);
}

unsigned long file_system_of(const std::string& folder) {
  struct statfs status {};
  return ::statfs(folder.c_str(), &status) == 0 ? static_cast<unsigned long>(status.f_type) : 0;
}

std::string file_system_name(unsigned long magic) {
  switch (magic) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case TMPFS_MAGIC:
      return "tmpfs, which keeps nothing on a disk: the software alone";
    default:
      return fmt::format("a file system of type {:#x}", magic);
  }
}

}  // namespace

Machine machine_of(const std::string& folder) {
  Machine machine;
  machine.commit = tools::commit();
  machine.cpu = os::cpu_model();
  machine.kernel = os::kernel_release();
  machine.system = system_name();
  machine.compiler = "g++ " __VERSION__;
  machine.core_count = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  machine.disk = file_system_name(file_system_of(folder));
  return machine;
}

bool lies_in_memory(const std::string& folder) {
  return file_system_of(folder) == TMPFS_MAGIC;
}

}  // namespace ringmain::bench
