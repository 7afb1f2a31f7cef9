// The disk of this machine: directories by path, files through RealDiskFile, queues through
// io_uring or, where that is refused, blocking calls.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "os/disk.hpp"
#include "os/disk_blocking_queue.hpp"
#include "os/disk_error.hpp"
#include "os/disk_real_file.hpp"
#include "os/file.hpp"
#include "os/io_uring_queue.hpp"

namespace ringmain::os {
namespace {

constexpr mode_t directory_mode = 0700;

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Some file systems do not tell the kind in the directory itself.
bool is_directory(int directory_fd, const dirent& entry) noexcept {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat found;
  return ::fstatat(directory_fd, entry.d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(found.st_mode);
}

// 0 or errno.
int sync_entries(const std::string& path) noexcept {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && ::fsync(directory.get()) == 0 ? 0 : errno;
}

class RealDisk final : public Disk {
 public:
  explicit RealDisk(const RealDiskOptions& options) : options_(options) {}

  Result<std::unique_ptr<DiskFile>> create(const std::string& path) override {
    return opened(path, RealOpen::create);
  }

  Result<std::unique_ptr<DiskFile>> open(const std::string& path, DiskOpen how) override {
    return opened(path, how == DiskOpen::write ? RealOpen::write : RealOpen::read);
  }

  Result<uint64_t> file_size_bytes(const std::string& path) const override {
    struct stat found;
    if (::stat(path.c_str(), &found) != 0) {
      return fail_disk("cannot read the size of " + path, errno);
    }
    return static_cast<uint64_t>(found.st_size);
  }

  Result<std::vector<DiskEntry>> list(const std::string& directory) const override;

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return fail_disk(fmt::format("cannot rename {} to {}", from, to), errno);
  }

  Status remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0) return {};
    return fail_disk("cannot remove " + path, errno);
  }

  Result<bool> is_open(const std::string& path) const override;

  Status make_directories(const std::string& path) override;

  Status sync_directory(const std::string& path) override {
    const int error = sync_entries(path);
    if (error != 0) return fail_disk("cannot sync directory " + path, error);
    return {};
  }

  Result<std::unique_ptr<DiskQueue>> make_queue(const DiskQueueOptions& options) override;

 private:
  Result<std::unique_ptr<DiskFile>> opened(const std::string& path, RealOpen how) {
    const DirectIo direct = options_.use_direct_io ? DirectIo::where_possible : DirectIo::no;
    RINGMAIN_TRY_ASSIGN(state, open_real_file(path, how, direct, closed_files_));
    return std::make_unique<RealDiskFile>(std::move(state));
  }

  RealDiskOptions options_;
  std::shared_ptr<std::atomic<uint64_t>> closed_files_ = std::make_shared<std::atomic<uint64_t>>(0);
};

Result<std::vector<DiskEntry>> RealDisk::list(const std::string& directory) const {
  DIR* open = ::opendir(directory.c_str());
  if (open == nullptr) return fail_disk("cannot list " + directory, errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> closer(open, ::closedir);
  std::vector<DiskEntry> entries;
  while (true) {  // ends: at the last entry, or at an error
    errno = 0;
    const dirent* entry = ::readdir(open);
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    entries.push_back({name, is_directory(::dirfd(open), *entry)});
  }
  if (errno != 0) return fail_disk("cannot list " + directory, errno);
  std::sort(entries.begin(), entries.end());
  return entries;
}

// The kernel grants a write lease only on a file that nobody else has open; a mapping counts as open.
Result<bool> RealDisk::is_open(const std::string& path) const {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_disk(fmt::format("cannot tell whether {} is open", path), errno);
  if (::fcntl(file.get(), F_SETLEASE, F_WRLCK) != 0) return true;
  ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return false;
}

// From the top down. What is there already may be so only since a process died before its sync: all
// entries are synced, though of directories that we did not make only a device's error counts.
Status RealDisk::make_directories(const std::string& path) {
  if (path.empty()) {
    return fail(ErrorCode::invalid_argument, "cannot make a directory without a name");
  }
  for (size_t end = 0; end != std::string::npos;) {  // ends: at the last part
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    const bool is_made = ::mkdir(part.c_str(), directory_mode) == 0;
    if (!is_made) {
      const int error = errno;
      struct stat found;
      if (::stat(part.c_str(), &found) != 0) {
        return fail_disk("cannot make directory " + part, error);
      }
      if (!S_ISDIR(found.st_mode)) {
        return fail(ErrorCode::already_exists,
                    "cannot make directory " + part + ": a file of that name is in the way");
      }
    }
    const std::string parent = parent_of(part);
    const int error = sync_entries(parent);
    if (error == EIO || (is_made && error != 0)) {
      return fail_disk("cannot sync directory " + parent, error);
    }
  }
  return {};
}

Result<std::unique_ptr<DiskQueue>> RealDisk::make_queue(const DiskQueueOptions& options) {
  RINGMAIN_TRY(check(options));
  std::string why_blocking = "io_uring is turned off";
  if (options_.use_io_uring) {
    RINGMAIN_TRY_ASSIGN(buffers, DiskBuffers::create(options.buffer_count, options.buffer_bytes));
    auto queue =
        IoUringQueue::create(options, std::move(buffers), options_.durable_write, closed_files_);
    if (queue) return std::unique_ptr<DiskQueue>(std::move(*queue));
    why_blocking = queue.error().message;
  }
  RINGMAIN_TRY_ASSIGN(buffers, DiskBuffers::create(options.buffer_count, options.buffer_bytes));
  return std::unique_ptr<DiskQueue>(std::make_unique<BlockingDiskQueue>(
      options, std::move(buffers), options_.durable_write, why_blocking));
}

}  // namespace

std::unique_ptr<Disk> make_real_disk(const RealDiskOptions& options) {
  return std::make_unique<RealDisk>(options);
}

}  // namespace ringmain::os
