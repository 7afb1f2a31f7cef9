// The bus directory and its shared-memory folder: made, locked, and kept to their owner.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.hpp"
#include "os/fd.hpp"

namespace ringmain::broker {

inline constexpr const char* kSocketName = "broker.sock";
inline constexpr const char* kLockName = "broker.lock";
inline constexpr const char* kCatalogueName = "catalogue.db";
inline constexpr const char* kLogFolder = "log";  // of the log files of topics with storage=disk

class BusDirectory {
 public:
  // Makes the directory if it is missing and takes the bus's lock. `group`: who else may use the
  // bus. Errors: already_running (naming the holder), permission_denied, io, no_space.
  static Result<BusDirectory> lock(const std::string& path, const std::optional<gid_t>& group);

  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  int fd() const noexcept { return directory_.get(); }

 private:
  std::string path_;
  os::UniqueFd directory_;
  os::UniqueFd lock_;  // the kernel drops the lock when the process dies
};

// "$RINGMAIN_SHM", else a folder of the user's on the system's tmpfs.
std::string default_shm_directory();
// Whether the environment names it.
bool is_shm_directory_given();
// Two names of one folder, which need not be there.
bool is_same_folder(const std::string& a, const std::string& b);
// Makes the folder that the bus's shared memory lies in; refuses one that belongs to someone else.
Status make_private_directory(const std::string& path);

}  // namespace ringmain::broker
