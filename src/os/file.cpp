// File and directory calls with errors that name the path.
#include "os/file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <filesystem>

#include "base/parse.hpp"
#include "os/fault.hpp"
#include "os/file_system.hpp"

namespace ringmain::os {
namespace {

// Which of the file system's limits or the machine's memory ran out is all one to the caller.
bool is_out_of_space(int error) {
  return error == ENOSPC || error == EDQUOT || error == ENOMEM;
}

// What to do about a full file system, for a person.
std::string remedy(const FileSystem& file_system) {
  if (file_system.type != "tmpfs") return "free some of it, or use a larger one";
  if (file_system.mount_point.empty()) return "free some memory";
  return fmt::format(
      "free some of it, or enlarge it (mount -o remount,size=... {}; in a container, "
      "--shm-size)",
      file_system.mount_point);
}

tl::unexpected<Error> fail_allocation(int fd, uint64_t length_bytes, int error) {
  const std::string what =
      fmt::format("cannot allocate {} of {}", format_bytes(length_bytes), describe_fd(fd));
  if (!is_out_of_space(error)) return fail_errno(what, error);
  const std::string reason = std::system_category().message(error);
  const Result<FileSystem> file_system = file_system_of(fd);
  if (!file_system) return fail(ErrorCode::no_space, fmt::format("{}: {}", what, reason));
  return fail(ErrorCode::no_space, fmt::format("{}: {} on {}: {}", what, reason,
                                               describe(*file_system), remedy(*file_system)));
}

int fallocate_once(int fd, int mode, uint64_t offset, uint64_t length_bytes) {
  if (::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length_bytes)) == 0) {
    return 0;
  }
  return errno;
}

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Status write_and_sync(const std::string& path, std::string_view content, mode_t mode) {
  RINGMAIN_TRY_ASSIGN(file, open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
  if (::fchmod(file.get(), mode) != 0) return fail_errno("cannot set the mode of " + path);
  RINGMAIN_TRY(write_fully(file.get(), std::as_bytes(std::span(content))));
  if (::fsync(file.get()) != 0) return fail_errno("cannot sync " + path);
  return {};
}

// A component that another process makes at the same moment is as good as ours.
Status make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    if (::chmod(path.c_str(), mode) != 0) return fail_errno("cannot set the mode of " + path);
    return {};
  }
  const int error = errno;
  struct stat found;
  if (error == EEXIST && ::stat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return {};
    return fail(ErrorCode::io,
                "cannot make directory " + path + ": a file of that name is in the way");
  }
  return fail_errno("cannot make directory " + path, error);
}

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return fail_errno("cannot open " + path);
  return fd;
}

Result<UniqueFd> open_file_at(int directory_fd, const std::string& name, int flags, mode_t mode) {
  UniqueFd fd(::openat(directory_fd, name.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) {
    const int error = errno;
    return fail_errno(fmt::format("cannot open {} in {}", name, describe_fd(directory_fd)), error);
  }
  return fd;
}

Result<UniqueFd> open_directory(const std::string& path) {
  return open_file(path, O_RDONLY | O_DIRECTORY);
}

Result<UniqueFd> open_place(const std::string& path) {
  return open_file(path, O_PATH | O_DIRECTORY);
}

Result<std::string> read_small_file(const std::string& path, uint64_t max_bytes) {
  RINGMAIN_TRY_ASSIGN(file, open_file(path, O_RDONLY));
  std::string content;
  std::array<char, 4096> part;
  while (true) {  // ends: at the end of the file, or above max_bytes
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno("cannot read " + path);
    if (count == 0) return content;
    content.append(part.data(), static_cast<size_t>(count));
    if (content.size() > max_bytes) {
      return fail(ErrorCode::io,
                  fmt::format("cannot read {}: it is larger than the {} expected there", path,
                              format_bytes(max_bytes)));
    }
  }
}

Status write_small_file(const std::string& path, std::string_view content, mode_t mode) {
  const std::string temporary = path + ".tmp";
  if (Status written = write_and_sync(temporary, content, mode); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  fault_point("os.small_file.before_rename");
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail_errno(fmt::format("cannot rename {} to {}", temporary, path), error);
  }
  return sync_directory(parent_of(path));
}

Status write_fully(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      return fail_errno("cannot write " + describe_fd(fd), error);
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

Result<uint64_t> file_size_bytes(int fd) {
  struct stat found;
  if (::fstat(fd, &found) != 0) {
    const int error = errno;
    return fail_errno("cannot read the size of " + describe_fd(fd), error);
  }
  return static_cast<uint64_t>(found.st_size);
}

Status truncate_file(int fd, uint64_t size_bytes) {
  if (::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) {
    const int error = errno;
    return fail_errno(
        fmt::format("cannot set the size of {} to {}", describe_fd(fd), format_bytes(size_bytes)),
        error);
  }
  return {};
}

Status allocate(int fd, uint64_t offset, uint64_t length_bytes) {
  int error = fault_errno("os.allocate");
  if (error == 0) {
    do {
      error = fallocate_once(fd, 0, offset, length_bytes);
    } while (error == EINTR);  // tmpfs undoes and gives up when a signal comes
  }
  if (error != 0) return fail_allocation(fd, length_bytes, error);
  return {};
}

Status punch_hole(int fd, uint64_t offset, uint64_t length_bytes) {
  int error;
  do {
    error = fallocate_once(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length_bytes);
  } while (error == EINTR);
  if (error != 0) {
    return fail_errno(
        fmt::format("cannot give back {} of {}", format_bytes(length_bytes), describe_fd(fd)),
        error);
  }
  return {};
}

Status make_directories(const std::string& path, mode_t mode) {
  if (path.empty())
    return fail(ErrorCode::invalid_argument, "cannot make a directory without a name");
  size_t end = 0;
  while (end != std::string::npos) {
    end = path.find('/', end + 1);
    RINGMAIN_TRY(make_directory(path.substr(0, end), mode));
  }
  return {};
}

Status remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail_errno("cannot remove " + path, error.value());
  return {};
}

Status sync_directory(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(directory, open_directory(path));
  if (::fsync(directory.get()) != 0) return fail_errno("cannot sync directory " + path);
  return {};
}

std::string describe_fd(int fd) {
  std::array<char, PATH_MAX> target;
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length < 0) return fmt::format("file descriptor {}", fd);
  return std::string(target.data(), static_cast<size_t>(length));
}

}  // namespace ringmain::os
