#include "broker/bus_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "os/file.hpp"
#include "os/lock.hpp"

namespace ringmain::broker {

Result<BusDirectory> BusDirectory::lock(const std::string& path, const std::optional<gid_t>& group) {
  BusDirectory bus;
  RINGMAIN_TRY(os::make_directories(path, 0700));
  RINGMAIN_TRY_ASSIGN(directory, os::open_directory(path));
  bus.directory_ = std::move(directory);
  std::error_code ignored;
  char resolved[PATH_MAX];
  bus.path_ = ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;

  RINGMAIN_TRY_ASSIGN(lock, os::open_file_at(bus.directory_.get(), kLockName, O_RDWR | O_CREAT));
  RINGMAIN_TRY_ASSIGN(outcome, os::try_lock_file(lock.get()));
  if (outcome == os::LockOutcome::held_elsewhere) {
    const auto holder = os::read_small_file(bus.file(kLockName));
    return fail(ErrorCode::already_running,
                fmt::format("a broker already serves {} (pid {}); use it, or stop it first", bus.path_,
                            holder && !holder->empty() ? *holder : "unknown"));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) != 0 ||
      ::pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail_errno("cannot write " + bus.file(kLockName));
  bus.lock_ = std::move(lock);

  if (group) {
    if (::fchown(bus.directory_.get(), static_cast<uid_t>(-1), *group) != 0 ||
        ::fchmod(bus.directory_.get(), 0710) != 0)
      return fail_errno(fmt::format("cannot open {} to group {}", bus.path_, *group));
  }
  return bus;
}

bool is_shm_directory_given() {
  const char* folder = std::getenv("RINGMAIN_SHM");
  return folder != nullptr && *folder != '\0';
}

std::string default_shm_directory() {
  return is_shm_directory_given() ? std::getenv("RINGMAIN_SHM") : fmt::format("/dev/shm/ringmain-{}", ::geteuid());
}

bool is_same_folder(const std::string& a, const std::string& b) {
  std::error_code error;
  const auto path = [&error](const std::string& folder) {
    // Without the slash that people write at a folder's end.
    return std::filesystem::weakly_canonical(folder + "/.", error).lexically_normal();
  };
  return path(a) == path(b);
}

Status make_private_directory(const std::string& path) {
  RINGMAIN_TRY(os::make_directories(path, 0700));
  RINGMAIN_TRY_ASSIGN(directory, os::open_directory(path));
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return fail_errno("cannot look at " + path);
  if (status.st_uid != ::geteuid())
    return fail(ErrorCode::permission_denied,
                fmt::format("{} belongs to uid {}, not to you (uid {}); choose another folder with RINGMAIN_SHM", path,
                            status.st_uid, ::geteuid()));
  if ((status.st_mode & 077) != 0 && ::fchmod(directory.get(), 0700) != 0)
    return fail_errno("cannot close " + path + " to other users");
  return {};
}

}  // namespace ringmain::broker
