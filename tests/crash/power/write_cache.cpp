#include "write_cache.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace ringmain::crash {
namespace {

constexpr std::uint64_t kBlockBytes = 4096;

std::uint64_t size_of(int fd) {
  struct stat found {};
  ::fstat(fd, &found);
  return static_cast<std::uint64_t>(found.st_size);
}

void put(int fd, std::uint64_t at, const std::string& bytes) {
  for (std::size_t done = 0;
       done < bytes.size();) {  // ends: the folder is on tmpfs, which takes all or fails
    const ssize_t count =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (count <= 0) std::abort();
    done += static_cast<std::size_t>(count);
  }
}

void resize(int fd, std::uint64_t size_bytes) {
  if (::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) std::abort();
}

}  // namespace

WriteCache::File& WriteCache::file_of(int fd) {
  struct stat found {};
  ::fstat(fd, &found);
  File& file = files_[found.st_ino];
  if (!file.fd)
    file.fd = os::UniqueFd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDWR | O_CLOEXEC));
  return file;
}

int WriteCache::will_write(int fd, std::uint64_t at, std::span<const char> bytes) {
  File& file = file_of(fd);
  if (!file.fd) return errno;
  std::uint64_t size = size_of(fd);
  while (!bytes.empty()) {  // a block at a time
    const std::uint64_t count =
        std::min<std::uint64_t>(bytes.size(), kBlockBytes - at % kBlockBytes);
    Change change;
    change.at = at;
    change.after.assign(bytes.data(), count);
    change.before.resize(count);
    const ssize_t there = ::pread(fd, change.before.data(), count, static_cast<off_t>(at));
    change.before.resize(there > 0 ? static_cast<std::size_t>(there) : 0);
    change.size_before = size;
    change.size_after = size = std::max(size, at + count);
    file.changes.push_back(std::move(change));
    bytes = bytes.subspan(count);
    at += count;
  }
  return 0;
}

int WriteCache::will_resize(int fd, std::uint64_t size_bytes) {
  File& file = file_of(fd);
  if (!file.fd) return errno;
  Change change;
  change.size_before = size_of(fd);
  change.size_after = size_bytes;
  change.is_resize = true;
  if (size_bytes < change.size_before) {
    change.at = size_bytes;
    change.before.resize(change.size_before - size_bytes);
    if (::pread(fd, change.before.data(), change.before.size(), static_cast<off_t>(size_bytes)) < 0)
      return errno;
  }
  file.changes.push_back(std::move(change));
  return 0;
}

void WriteCache::synced(int fd) {
  struct stat found {};
  ::fstat(fd, &found);
  files_.erase(found.st_ino);
}

void WriteCache::forget(int fd) {
  struct stat found {};
  ::fstat(fd, &found);
  const auto file = files_.find(found.st_ino);
  if (file == files_.end()) return;
  undo(file->second);
  files_.erase(file);
}

void WriteCache::undo(const File& file) {
  for (auto change = file.changes.rbegin(); change != file.changes.rend(); ++change) {
    put(file.fd.get(), change->at, change->before);
    resize(file.fd.get(), change->size_before);
  }
}

void WriteCache::redo(const File& file, const Change& change) {
  put(file.fd.get(), change.at, change.after);
  if (change.is_resize) resize(file.fd.get(), change.size_after);
}

// Sometimes nothing, sometimes everything, mostly some.
WriteCache::Loss WriteCache::lose(Random& random) {
  Loss loss;
  const std::uint64_t kept_of_100 = random.below(121);
  for (const auto& [inode, file] : files_) {
    undo(file);
    for (const Change& change : file.changes) {
      const bool is_kept = random.below(100) < kept_of_100;
      ++(is_kept ? loss.kept_blocks : loss.lost_blocks);
      if (is_kept) redo(file, change);
    }
  }
  files_.clear();
  return loss;
}

}  // namespace ringmain::crash
