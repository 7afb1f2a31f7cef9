// One submit() is one group commit: all writes, then one sync for each file that wants it.
#include "os/disk_blocking_queue.hpp"

#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "os/disk_error.hpp"
#include "os/disk_real_file.hpp"

namespace ringmain::os {
namespace {

RealFileState& real(const DiskOperation& operation) noexcept {
  return static_cast<RealFileState&>(*operation.file);
}

// -1 with errno, as pwrite.
ssize_t write_once(const RealFileState& file, std::span<std::byte> bytes, uint64_t at,
                   bool with_sync) {
  const iovec part{bytes.data(), bytes.size()};
  return ::pwritev2(file.write_fd(), &part, 1, static_cast<off_t>(at), with_sync ? RWF_DSYNC : 0);
}

}  // namespace

BlockingDiskQueue::BlockingDiskQueue(const DiskQueueOptions& options, DiskBuffers buffers,
                                     DurableWrite durable_write, const std::string& why)
    : DiskQueueCore(options, std::move(buffers)), durable_write_(durable_write) {
  capabilities_.description = "blocking writes, because " + why;
}

Result<std::shared_ptr<DiskFileState>> BlockingDiskQueue::state_of(DiskFile& file) {
  return writable_real_state(file);
}

void BlockingDiskQueue::start(uint32_t place) {
  const DiskOperation& next = operation(place);
  if (next.is_write()) {
    batch_.push_back(place);
    return;
  }
  if (::fdatasync(real(next).buffered.get()) == 0) {
    finish(place, 0);
  } else {
    finish(place, fail_disk("cannot sync " + next.file->path, errno));
  }
}

Status BlockingDiskQueue::submit() {
  check_thread();
  while (anything_ready() || !batch_.empty()) {  // ends: syncs that waited for writes run last
    start_ready();
    finish_batch();
  }
  if (completed_ && anything_to_report()) completed_->ring();
  return {};
}

void BlockingDiskQueue::finish_batch() {
  std::vector<uint32_t> written;  // and to be synced
  const auto wanting_sync = std::count_if(batch_.begin(), batch_.end(), [this](uint32_t place) {
    return operation(place).is_synced_write();
  });
  // A write alone carries its own sync; several share one.
  const bool may_sync_with_write = wanting_sync == 1 && durable_write_ == DurableWrite::dsync;

  for (const uint32_t place : std::exchange(batch_, {})) {
    DiskOperation& next = operation(place);
    const bool syncs_with_write =
        next.is_synced_write() && may_sync_with_write && !real(next).extends(next.write);
    const Status status = write_all(next, syncs_with_write);
    if (!status) {
      finish(place, tl::make_unexpected(status.error()));
      continue;
    }
    real(next).size_is_at_least(next.write.at + next.write.size_bytes);
    if (next.is_synced_write() && !syncs_with_write) {
      written.push_back(place);
    } else {
      finish(place, next.write.size_bytes);
    }
  }

  while (!written.empty()) {  // ends: each pass takes out at least the last
    const std::shared_ptr<DiskFileState> file = operation(written.back()).file;
    const int error =
        ::fdatasync(static_cast<RealFileState&>(*file).buffered.get()) == 0 ? 0 : errno;
    std::erase_if(written, [&](uint32_t place) {
      if (operation(place).file != file) return false;
      if (error == 0) {
        finish(place, operation(place).write.size_bytes);
      } else {
        finish(place, fail_disk("cannot sync " + file->path, error));
      }
      return true;
    });
  }
}

// Continues short writes.
Status BlockingDiskQueue::write_all(DiskOperation& next, bool with_sync) {
  while (next.written_bytes < next.write.size_bytes) {  // ends: each pass writes some, or returns
    const ssize_t count = write_once(real(next), unwritten_bytes(next),
                                     next.write.at + next.written_bytes, with_sync);
    if (count > 0) {
      next.written_bytes += static_cast<uint32_t>(count);
      continue;
    }
    const int error = count < 0 ? errno : EIO;  // 0 is no end of a file for a write
    if (error == EINTR || real(next).give_up_direct(error)) continue;
    return fail_queued_write(next, error);
  }
  return {};
}

Result<uint32_t> BlockingDiskQueue::reap(ReapWait, const DiskCallback& done) {
  RINGMAIN_TRY(submit());
  const uint32_t count = report(done);
  if (completed_) completed_->drain();  // what `done` took on is not complete before submit()
  return count;
}

Result<int> BlockingDiskQueue::completion_fd() {
  check_thread();
  if (!completed_) {
    RINGMAIN_TRY_ASSIGN(made, EventFd::create());
    completed_ = std::move(made);
    if (anything_to_report()) completed_->ring();
  }
  return completed_->fd();
}

}  // namespace ringmain::os
