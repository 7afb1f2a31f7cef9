// What statfs tells, with the mount point found by walking up until the device changes.
#include "os/file_system.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <filesystem>

#include "base/parse.hpp"
#include "os/file.hpp"

namespace ringmain::os {
namespace {

constexpr int64_t xfs_magic = 0x58465342;  // linux/magic.h lacks it

std::string type_name(int64_t magic) {
  switch (magic) {
    case TMPFS_MAGIC:
      return "tmpfs";
    case HUGETLBFS_MAGIC:
      return "hugetlbfs";
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case xfs_magic:
      return "xfs";
    default:
      return "file system";
  }
}

FileSystem from_statfs(const struct statfs& found) {
  FileSystem file_system;
  const auto block_bytes = static_cast<uint64_t>(found.f_frsize);
  file_system.type = type_name(static_cast<int64_t>(found.f_type));
  file_system.total_bytes = found.f_blocks * block_bytes;
  file_system.free_bytes = found.f_bavail * block_bytes;
  return file_system;
}

// Empty when `path` cannot be looked up: a memfd, or a file deleted since.
std::string mount_point_of(const std::string& path) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::canonical(path, error);
  struct stat found;
  if (error || ::stat(at.c_str(), &found) != 0) return {};
  const dev_t device = found.st_dev;
  while (at.has_relative_path()) {
    if (::stat(at.parent_path().c_str(), &found) != 0 || found.st_dev != device) break;
    at = at.parent_path();
  }
  return at.string();
}

}  // namespace

Result<FileSystem> file_system_of(const std::string& path) {
  struct statfs found;
  if (::statfs(path.c_str(), &found) != 0)
    return fail_errno("cannot read the file system of " + path);
  FileSystem file_system = from_statfs(found);
  file_system.mount_point = mount_point_of(path);
  return file_system;
}

Result<FileSystem> file_system_of(int fd) {
  struct statfs found;
  if (::fstatfs(fd, &found) != 0) {
    const int error = errno;
    return fail_errno("cannot read the file system of " + describe_fd(fd), error);
  }
  FileSystem file_system = from_statfs(found);
  file_system.mount_point = mount_point_of(describe_fd(fd));
  return file_system;
}

std::string describe(const FileSystem& file_system) {
  std::string text = file_system.type;
  if (!file_system.mount_point.empty()) text += " at " + file_system.mount_point;
  if (file_system.total_bytes > 0) {  // 0: without a limit of its own
    text += fmt::format(" ({} of {} free)", format_bytes(file_system.free_bytes),
                        format_bytes(file_system.total_bytes));
  }
  return text;
}

}  // namespace ringmain::os
