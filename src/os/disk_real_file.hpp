// RealDiskFile: a file of this machine's disk, open twice: through the page cache for blocking
// calls, and with O_DIRECT, where the file system takes it, for queued writes.
#pragma once

#include <atomic>
#include <cerrno>
#include <memory>

#include "os/disk.hpp"
#include "os/disk_queue_core.hpp"
#include "os/fd.hpp"

namespace ringmain::os {

struct RealFileState : DiskFileState {
  RealFileState(std::string path_of_file, std::shared_ptr<std::atomic<uint64_t>> counter)
      : DiskFileState(std::move(path_of_file)), closed_files(std::move(counter)) {}
  // SYNC(closed_files): a queue that sees the count (IoUringFiles) finds its pointer to us expired.
  ~RealFileState() override { closed_files->fetch_add(1, std::memory_order_release); }

  // The descriptor for queued writes.
  int write_fd() const noexcept { return writes_directly() ? direct.get() : buffered.get(); }
  // True if `error` says that O_DIRECT is refused after all: try the page cache.
  bool give_up_direct(int error) noexcept {
    return error == EINVAL && direct_works.exchange(false, std::memory_order_relaxed);
  }
  bool writes_directly() const noexcept { return direct_works.load(std::memory_order_relaxed); }

  // A write past the known end is made durable by an fdatasync of its own, whatever DurableWrite
  // says: ext4 before 6.7 sets the size of a file that a direct write extends after the sync of
  // RWF_DSYNC.
  bool extends(const DiskWrite& write) const noexcept {
    return write.at + write.size_bytes > known_size_bytes.load(std::memory_order_relaxed);
  }
  void size_is_at_least(uint64_t size_bytes) noexcept {
    uint64_t known = known_size_bytes.load(std::memory_order_relaxed);
    while (known < size_bytes &&
           !known_size_bytes.compare_exchange_weak(known, size_bytes, std::memory_order_relaxed)) {
    }  // ends: each failure means that somebody else raised it
  }

  UniqueFd buffered;
  UniqueFd direct;           // empty where O_DIRECT is not used
  std::string why_buffered;  // why not; written at open
  bool is_writable = false;
  // The file system is known to sync what io_uring writes with RWF_DSYNC. Others may not, and not say so: FUSE drops the
  // flag of an asynchronous direct write.
  bool honours_dsync = false;
  // Some file systems (FUSE) take O_DIRECT at open and refuse the write: then it goes off. Any
  // thread; nothing is ordered by it.
  std::atomic<bool> direct_works{false};
  // The file is at least this long, as far as we were told. Any thread; nothing is ordered by it.
  std::atomic<uint64_t> known_size_bytes{0};
  std::shared_ptr<std::atomic<uint64_t>> closed_files;  // queues look at it to let go of files
};

class RealDiskFile final : public DiskFile {
 public:
  explicit RealDiskFile(std::shared_ptr<RealFileState> state) : state_(std::move(state)) {}

  const std::shared_ptr<RealFileState>& state() const noexcept { return state_; }

  const std::string& path() const noexcept override { return state_->path; }
  Result<uint64_t> size_bytes() const override;
  Status read(uint64_t at, std::span<std::byte> into) const override;
  void will_read(DiskRange range) const noexcept override;
  Status write(uint64_t at, std::span<const std::byte> bytes) override;
  Status sync() override;
  Status allocate(DiskRange range) override;
  Status punch_hole(DiskRange range) override;
  Status truncate(uint64_t size_bytes) override;
  std::string write_path() const override;

 private:
  std::shared_ptr<RealFileState> state_;
};

enum class DirectIo : uint8_t { no, where_possible };

// `create`: the file must not be there yet.
enum class RealOpen : uint8_t { create, write, read };

Result<std::shared_ptr<RealFileState>> open_real_file(
    const std::string& path, RealOpen how, DirectIo direct,
    std::shared_ptr<std::atomic<uint64_t>> closed_files);

// The state behind a file that a queue of the real disk was given.
Result<std::shared_ptr<DiskFileState>> writable_real_state(DiskFile& file);

tl::unexpected<Error> fail_queued_write(const DiskOperation& operation, int error);

}  // namespace ringmain::os
