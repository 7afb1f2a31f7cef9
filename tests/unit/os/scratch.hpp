// What the os tests share: a directory that goes away, memory to map, a child process.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "os/fd.hpp"

namespace ringmain::os {

// On tmpfs, where the bus lives too.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = "/dev/shm/ringmain-unit-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline UniqueFd memory_file(uint64_t size_bytes) {
  UniqueFd fd(::memfd_create("ringmain-unit", MFD_CLOEXEC));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0) std::abort();
  return fd;
}

// Runs `body` in a forked child, whose exit status its result becomes.
inline pid_t start_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  if (pid < 0) std::abort();
  return pid;
}

// The wait status, once the child has ended (or stopped, with WUNTRACED).
inline int wait_for_child(pid_t pid, int options = 0) {
  int status = 0;
  while (::waitpid(pid, &status, options) < 0 && errno == EINTR) {
  }
  return status;
}

inline bool exited_with(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

inline size_t open_fd_count() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(entries), end(entries)));
}

}  // namespace ringmain::os
