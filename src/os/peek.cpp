// RWF_DONTCACHE came with Linux 6.14, to XFS with 6.15, to ext4 with 6.17. Without it, the page that was read stays.
#include "os/peek.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "os/file.hpp"

namespace ringmain::os {
namespace {

constexpr int dont_cache = 0x80;  // RWF_DONTCACHE; glibc's headers may be older

}  // namespace

Peek::Peek(int fd) noexcept : fd_(fd) { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_RANDOM); }
Peek::~Peek() { ::posix_fadvise(fd_, 0, 0, POSIX_FADV_NORMAL); }

ssize_t Peek::read_some(uint64_t offset, std::span<std::byte> into) const noexcept {
  const iovec part{into.data(), into.size()};
  const ssize_t count = ::preadv2(fd_, &part, 1, static_cast<off_t>(offset), dont_cache);
  const bool is_unknown = count < 0 && (errno == EOPNOTSUPP || errno == EINVAL || errno == ENOSYS);
  return is_unknown ? ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset)) : count;
}

Result<size_t> Peek::read(uint64_t offset, std::span<std::byte> into) const {
  size_t done = 0;
  while (done < into.size()) {  // each turn reads something, or ends
    const ssize_t count = read_some(offset + done, into.subspan(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;  // before describe_fd() has its own
      return fail_errno("cannot read " + describe_fd(fd_), error);
    }
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  return done;
}

}  // namespace ringmain::os
