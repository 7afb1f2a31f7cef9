// Open file description locks (fcntl, F_OFD_*).
#include "os/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

struct ByteRange {
  uint64_t begin;
  uint64_t length_bytes;  // 0: to the end, however far the file grows
};

constexpr ByteRange whole_file{0, 0};

struct flock lock_on(short type, ByteRange range) {
  struct flock lock {};  // l_pid must be 0
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(range.begin);
  lock.l_len = static_cast<off_t>(range.length_bytes);
  return lock;
}

Result<LockOutcome> try_lock(int fd, ByteRange range) {
  struct flock lock = lock_on(F_WRLCK, range);
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return LockOutcome::taken;
  const int error = errno;
  if (error == EAGAIN || error == EACCES) return LockOutcome::held_elsewhere;
  return fail_errno("cannot lock " + describe_fd(fd), error);
}

}  // namespace

Result<LockOutcome> try_lock_file(int fd) {
  return try_lock(fd, whole_file);
}

Result<LockOutcome> try_lock_byte(int fd, uint64_t index) {
  return try_lock(fd, {index, 1});
}

Status unlock_byte(int fd, uint64_t index) {
  struct flock lock = lock_on(F_UNLCK, {index, 1});
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return {};
  const int error = errno;
  return fail_errno(fmt::format("cannot unlock byte {} of {}", index, describe_fd(fd)), error);
}

Result<bool> is_byte_locked(int fd, uint64_t index) {
  struct flock lock = lock_on(F_WRLCK, {index, 1});
  if (::fcntl(fd, F_OFD_GETLK, &lock) == 0) return lock.l_type != F_UNLCK;
  const int error = errno;
  return fail_errno(fmt::format("cannot look for a lock on byte {} of {}", index, describe_fd(fd)),
                    error);
}

}  // namespace ringmain::os
