// The file system a file lies on: how much room it has, and how to name it to a person.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace ringmain::os {

struct FileSystem {
  std::string type;         // "tmpfs", "ext4", ... or "file system"
  std::string mount_point;  // empty when the file has no path (memfd)
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;  // for an ordinary user
};

Result<FileSystem> file_system_of(const std::string& path);
Result<FileSystem> file_system_of(int fd);

// "tmpfs at /dev/shm (12 MiB of 2 GiB free)".
std::string describe(const FileSystem& file_system);

}  // namespace ringmain::os
