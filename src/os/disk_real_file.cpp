// Blocking calls on one file, and how it is opened.
#include "os/disk_real_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/parse.hpp"
#include "os/disk_error.hpp"
#include "os/file.hpp"
#include "os/file_system.hpp"

namespace ringmain::os {
namespace {

constexpr mode_t file_mode = 0600;

int open_flags(RealOpen how) noexcept {
  switch (how) {
    case RealOpen::create:
      return O_RDWR | O_CREAT | O_EXCL;
    case RealOpen::write:
      return O_RDWR;
    case RealOpen::read:
      break;
  }
  return O_RDONLY;
}

bool is_same_file(int left, int right) noexcept {
  struct stat found_left;
  struct stat found_right;
  return ::fstat(left, &found_left) == 0 && ::fstat(right, &found_right) == 0 &&
         found_left.st_dev == found_right.st_dev && found_left.st_ino == found_right.st_ino;
}

bool is_known_to_honour_dsync(int fd) {
  const Result<FileSystem> found = file_system_of(fd);
  return found && (found->type == "ext4" || found->type == "xfs" || found->type == "btrfs");
}

std::string file_system_type(int fd) {
  const Result<FileSystem> file_system = file_system_of(fd);
  return file_system ? file_system->type : "the file system";
}

// Empty, or why direct writes in blocks of disk_block_bytes would be refused. A kernel before
// 6.1, or a file system that does not say, gets the benefit of the doubt: a refused write shows it.
std::string direct_alignment_problem(int fd) {
  struct statx found {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &found) != 0) return {};
  if ((found.stx_mask & STATX_DIOALIGN) == 0) return {};
  if (found.stx_dio_offset_align == 0) {
    return fmt::format("{} has no direct I/O for this file", file_system_type(fd));
  }
  if (disk_block_bytes % found.stx_dio_offset_align != 0) {
    return fmt::format("direct I/O here needs blocks of {} bytes", found.stx_dio_offset_align);
  }
  return {};
}

// Gives the reason if it stays with the page cache.
std::string open_direct(RealFileState& state, DirectIo direct) {
  if (direct == DirectIo::no) return "direct I/O is turned off";
  UniqueFd fd(::open(state.path.c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  if (!fd) {
    const int error = errno;
    return fmt::format("{} refuses O_DIRECT: {}", file_system_type(state.buffered.get()),
                       std::system_category().message(error));
  }
  if (!is_same_file(fd.get(), state.buffered.get())) {
    return "the file was renamed while it was opened";
  }
  if (std::string problem = direct_alignment_problem(fd.get()); !problem.empty()) return problem;
  state.direct = std::move(fd);
  return {};
}

}  // namespace

Result<std::shared_ptr<RealFileState>> open_real_file(
    const std::string& path, RealOpen how, DirectIo direct,
    std::shared_ptr<std::atomic<uint64_t>> closed_files) {
  auto state = std::make_shared<RealFileState>(path, std::move(closed_files));
  state->buffered = UniqueFd(::open(path.c_str(), open_flags(how) | O_CLOEXEC | O_NONBLOCK, file_mode));
  if (!state->buffered) {
    return fail_disk((how == RealOpen::create ? "cannot make " : "cannot open ") + path, errno);
  }
  struct stat found;
  if (::fstat(state->buffered.get(), &found) != 0) return fail_disk("cannot look at " + path, errno);
  if (!S_ISREG(found.st_mode)) {
    return fail(ErrorCode::io, path + " is no regular file; move it away, and put the log file in its place");
  }
  state->is_writable = how != RealOpen::read;
  if (state->is_writable) {
    RINGMAIN_TRY_ASSIGN(size_bytes, os::file_size_bytes(state->buffered.get()));
    state->size_is_at_least(size_bytes);
    state->honours_dsync = is_known_to_honour_dsync(state->buffered.get());
    state->why_buffered = open_direct(*state, direct);
    state->direct_works.store(state->direct.get() >= 0, std::memory_order_relaxed);
  }
  return state;
}

Result<std::shared_ptr<DiskFileState>> writable_real_state(DiskFile& file) {
  const auto* real = dynamic_cast<RealDiskFile*>(&file);
  if (real == nullptr) {
    return fail(ErrorCode::invalid_argument, file.path() + " was opened by another disk");
  }
  if (!real->state()->is_writable) {
    return fail(ErrorCode::invalid_argument, file.path() + " was opened for reading only");
  }
  return std::static_pointer_cast<DiskFileState>(real->state());
}

tl::unexpected<Error> fail_queued_write(const DiskOperation& operation, int error) {
  return fail_disk(fmt::format("cannot write {} bytes at {} of {}", operation.write.size_bytes,
                               operation.write.at, operation.file->path),
                   error);
}

Result<uint64_t> RealDiskFile::size_bytes() const {
  struct stat found;
  if (::fstat(state_->buffered.get(), &found) != 0) {
    return fail_disk("cannot read the size of " + path(), errno);
  }
  return static_cast<uint64_t>(found.st_size);
}

void RealDiskFile::will_read(DiskRange range) const noexcept {
  ::posix_fadvise(state_->buffered.get(), static_cast<off_t>(range.at), static_cast<off_t>(range.size_bytes),
                  POSIX_FADV_WILLNEED);
}

Status RealDiskFile::read(uint64_t at, std::span<std::byte> into) const {
  const size_t wanted_bytes = into.size();
  const uint64_t begin = at;
  while (!into.empty()) {  // ends: each pass reads something, or returns
    const ssize_t count =
        ::pread(state_->buffered.get(), into.data(), into.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return fail_disk(fmt::format("cannot read {} bytes at {} of {}", wanted_bytes, begin, path()),
                       errno);
    }
    if (count == 0) {
      return fail(ErrorCode::io, fmt::format("cannot read {} bytes at {} of {}: it ends at {}",
                                             wanted_bytes, begin, path(), at));
    }
    into = into.subspan(static_cast<size_t>(count));
    at += static_cast<uint64_t>(count);
  }
  return {};
}

Status RealDiskFile::write(uint64_t at, std::span<const std::byte> bytes) {
  RINGMAIN_TRY(writable_real_state(*this));
  while (!bytes.empty()) {  // ends: each pass writes something, or returns
    const ssize_t count =
        ::pwrite(state_->buffered.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    const int error = count < 0 ? errno : EIO;  // 0 is no end of a file for a write
    if (count <= 0) {
      return fail_disk(fmt::format("cannot write {} bytes at {} of {}", bytes.size(), at, path()),
                       error);
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
    at += static_cast<uint64_t>(count);
  }
  return {};
}

Status RealDiskFile::sync() {
  RINGMAIN_TRY(refuse_sync_after_failure(*state_));
  if (::fdatasync(state_->buffered.get()) == 0) return {};
  const int error = errno;
  state_->sync_failed.store(true, std::memory_order_relaxed);
  return fail_disk("cannot sync " + path(), error);
}

Status RealDiskFile::allocate(DiskRange range) {
  RINGMAIN_TRY(writable_real_state(*this));
  RINGMAIN_TRY(check_range(path(), range));
  RINGMAIN_TRY(os::allocate(state_->buffered.get(), range.at, range.size_bytes));
  state_->size_is_at_least(range.at + range.size_bytes);
  return {};
}

Status RealDiskFile::punch_hole(DiskRange range) {
  RINGMAIN_TRY(writable_real_state(*this));
  RINGMAIN_TRY(check_range(path(), range));
  return os::punch_hole(state_->buffered.get(), range.at, range.size_bytes);
}

Status RealDiskFile::truncate(uint64_t size_bytes) {
  RINGMAIN_TRY(writable_real_state(*this));
  state_->known_size_bytes.store(0, std::memory_order_relaxed);  // whatever comes of it
  RINGMAIN_TRY(truncate_file(state_->buffered.get(), size_bytes));
  state_->size_is_at_least(size_bytes);
  return {};
}

std::string RealDiskFile::write_path() const {
  if (state_->writes_directly()) return "O_DIRECT";
  if (state_->direct) {
    return fmt::format("page cache: {} took O_DIRECT at open and refused the write",
                       file_system_type(state_->buffered.get()));
  }
  if (!state_->is_writable) return "page cache: opened for reading";
  return "page cache: " + state_->why_buffered;
}

}  // namespace ringmain::os
