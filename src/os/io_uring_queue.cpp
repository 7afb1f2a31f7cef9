// From operations to ring entries and back.
#include "os/io_uring_queue.hpp"

#include <fmt/format.h>
#include <sys/uio.h>

#include "base/assert.hpp"
#include "os/disk_error.hpp"

namespace ringmain::os {
namespace {

constexpr uint32_t entries_per_operation = 2;
constexpr uint32_t fruitless_waits_max = 100'000;  // of a kernel without memory: some 100 ms
constexpr uint32_t retries_max = 1000;  // of an entry that the kernel gave up for no lasting reason
constexpr uint32_t registered_files_max = 256;  // open for writing at a time; more go unregistered

RealFileState& real(const DiskOperation& operation) noexcept {
  return static_cast<RealFileState&>(*operation.file);
}

uint64_t mark_of(uint32_t place, bool is_sync) noexcept {
  return uint64_t{place} * entries_per_operation + (is_sync ? 1 : 0);
}

}  // namespace

Result<std::unique_ptr<IoUringQueue>> IoUringQueue::create(
    const DiskQueueOptions& options, DiskBuffers buffers, DurableWrite durable_write,
    std::shared_ptr<std::atomic<uint64_t>> closed_files) {
  RINGMAIN_TRY_ASSIGN(ring, IoUringRing::create(options.depth * entries_per_operation));
  return std::unique_ptr<IoUringQueue>(new IoUringQueue(options, std::move(buffers), durable_write,
                                                        std::move(ring), std::move(closed_files)));
}

IoUringQueue::IoUringQueue(const DiskQueueOptions& options, DiskBuffers memory,
                           DurableWrite durable_write, std::unique_ptr<IoUringRing> ring,
                           std::shared_ptr<std::atomic<uint64_t>> closed_files)
    : DiskQueueCore(options, std::move(memory)),
      durable_write_(durable_write),
      ring_(std::move(ring)),
      progress_(options.depth) {
  buffers().keep_from_children();
  const std::string no_buffers = ring_->register_buffers(buffers());
  const std::string no_files = ring_->register_file_table(registered_files_max);
  if (no_files.empty()) files_.emplace(*ring_, registered_files_max, std::move(closed_files));
  capabilities_.asynchronous = true;
  capabilities_.registered_buffers = no_buffers.empty();
  capabilities_.registered_files = no_files.empty();
  capabilities_.description = fmt::format(
      "io_uring, {}, {}, {}, durable by {}", ring_->mode(),
      no_buffers.empty() ? "registered buffers" : "buffers not registered: " + no_buffers,
      no_files.empty() ? "registered files" : "files not registered: " + no_files,
      durable_write == DurableWrite::dsync ? "RWF_DSYNC" : "a linked fdatasync");
}

// The kernel may be writing from the buffers: they go when it is done. An error of the ring itself
// leaves nothing to wait for: closing it cancels, or waits.
IoUringQueue::~IoUringQueue() {
  while (anything_active()) {  // ends: each pass waits for a completion, or fails
    if (!reap(ReapWait::for_one, [](DiskToken, const Result<uint64_t>&) {})) break;
  }
}

Result<std::shared_ptr<DiskFileState>> IoUringQueue::state_of(DiskFile& file) {
  return writable_real_state(file);
}

void IoUringQueue::start(uint32_t place) {
  const DiskOperation& next = operation(place);
  progress_[place] = {};
  if (next.is_write()) {
    progress_[place].syncs_apart =
        next.is_synced_write() &&
        (durable_write_ == DurableWrite::write_and_sync || !real(next).honours_dsync ||
         real(next).extends(next.write));
    write_rest(place);
  } else {
    sync_alone(place);
  }
}

void IoUringQueue::set_target(io_uring_sqe& entry, const DiskOperation& next) {
  const auto file = std::static_pointer_cast<RealFileState>(next.file);
  const std::optional<uint32_t> registered =
      files_ && file->writes_directly() ? files_->place_of(file) : std::nullopt;
  if (registered) {
    entry.fd = static_cast<int>(*registered);
    entry.flags |= IOSQE_FIXED_FILE;
  } else {
    entry.fd = file->write_fd();
  }
}

// What is left of a write, from its beginning or after a short write.
void IoUringQueue::write_rest(uint32_t place) {
  const DiskOperation& next = operation(place);
  const std::span<std::byte> bytes = unwritten_bytes(next);
  const uint64_t at = next.write.at + next.written_bytes;
  const auto size_bytes = static_cast<unsigned>(bytes.size());

  io_uring_sqe& entry = ring_->next_entry();
  if (capabilities_.registered_buffers) {
    ::io_uring_prep_write_fixed(&entry, -1, bytes.data(), size_bytes, at,
                                static_cast<int>(next.write.buffer));
  } else {
    ::io_uring_prep_write(&entry, -1, bytes.data(), size_bytes, at);
  }
  set_target(entry, next);
  ::io_uring_sqe_set_data64(&entry, mark_of(place, false));
  ++progress_[place].entries_out;
  if (!next.is_synced_write()) return;
  if (!progress_[place].syncs_apart) {
    entry.rw_flags = RWF_DSYNC;
    return;
  }
  entry.flags |= IOSQE_IO_LINK;  // a short or failed write cancels the sync
  sync_alone(place);
}

void IoUringQueue::sync_alone(uint32_t place) {
  io_uring_sqe& entry = ring_->next_entry();
  ::io_uring_prep_fsync(&entry, -1, IORING_FSYNC_DATASYNC);
  set_target(entry, operation(place));
  ::io_uring_sqe_set_data64(&entry, mark_of(place, true));
  ++progress_[place].entries_out;
}

Status IoUringQueue::submit() {
  check_thread();
  if (files_) files_->let_go_of_closed();
  start_ready();
  return submit_entries(0);
}

Status IoUringQueue::submit_entries(uint32_t wait_count) {
  RINGMAIN_TRY_ASSIGN(all_went, ring_->submit(wait_count));
  if (!all_went) {  // a write may have gone without its sync, which then starts too early
    for (Progress& progress : progress_) progress.link_broken = progress.entries_out > 1;
  }
  return {};
}

Result<uint32_t> IoUringQueue::reap(ReapWait wait, const DiskCallback& done) {
  check_thread();
  if (completed_) completed_->drain();  // before the look: what completes later rings again
  if (files_) files_->let_go_of_closed();
  start_ready();
  if (wait == ReapWait::no) {
    RINGMAIN_TRY(submit_entries(0));
    if (anything_active()) RINGMAIN_TRY(ring_->collect());
    take_completions();
  } else {
    RINGMAIN_TRY(wait_for_one());
  }
  start_ready();                    // syncs whose writes have just completed
  RINGMAIN_TRY(submit_entries(0));  // and the rest of short writes
  return report(done);
}

// Ends: each pass takes a completion, of which each operation has a bounded number, or uses up
// one of the fruitless ones.
Status IoUringQueue::wait_for_one() {
  uint32_t fruitless = 0;
  while (!anything_to_report() && anything_active()) {
    RINGMAIN_TRY(submit_entries(1));
    if (!take_completions() && ++fruitless > fruitless_waits_max) {
      return fail(ErrorCode::io, "io_uring takes no more writes: the kernel lacks memory for them");
    }
    start_ready();
  }
  return {};
}

bool IoUringQueue::take_completions() {
  bool found = false;
  io_uring_cqe completion;
  while (ring_->next_completion(completion)) {  // ends: at most as many as there are entries
    const auto place = static_cast<uint32_t>(completion.user_data / entries_per_operation);
    const Step step = completion.user_data % entries_per_operation == 0 ? Step::write : Step::sync;
    entry_completed(place, step, completion.res);
    found = true;
  }
  return found;
}

void IoUringQueue::entry_completed(uint32_t place, Step step, int result) {
  Progress& progress = progress_[place];
  RINGMAIN_ASSERT(progress.entries_out > 0);
  --progress.entries_out;
  if (step == Step::sync) {
    progress.sync_error = result < 0 ? -result : 0;
    progress.is_synced = result == 0;
  } else if (result > 0) {
    operation(place).written_bytes += static_cast<uint32_t>(result);
  } else {
    progress.write_error = result < 0 ? -result : EIO;  // 0 is no end of a file for a write
  }
  if (progress.entries_out == 0) decide(place);
}

// All entries of an operation have completed: it is finished, or goes on.
void IoUringQueue::decide(uint32_t place) {
  DiskOperation& done = operation(place);
  const Progress progress = progress_[place];
  progress_[place] = {.syncs_apart = progress.syncs_apart, .retries = progress.retries};
  const auto again = [&](int error) {
    if (error != EINTR && error != EAGAIN) return false;
    return ++progress_[place].retries <= retries_max;
  };

  if (done.is_write() && done.written_bytes < done.write.size_bytes) {
    const int error = progress.write_error;
    if (error == 0 || again(error) || real(done).give_up_direct(error)) return write_rest(place);
    return finish(place, fail_queued_write(done, error));
  }

  if (done.is_write()) real(done).size_is_at_least(done.write.at + done.write.size_bytes);
  const bool wants_sync = !done.is_write() || progress.syncs_apart;
  if (wants_sync) {
    const int error = progress.sync_error;
    if (again(error) || error == ECANCELED || progress.link_broken) return sync_alone(place);
    if (error != 0) return finish(place, fail_disk("cannot sync " + done.file->path, error));
    if (!progress.is_synced) return sync_alone(place);
  }
  finish(place, done.is_write() ? done.write.size_bytes : 0);
}

Result<int> IoUringQueue::completion_fd() {
  check_thread();
  if (!completed_) {
    RINGMAIN_TRY_ASSIGN(made, EventFd::create());
    RINGMAIN_TRY(ring_->register_eventfd(made.fd()));
    completed_ = std::move(made);
    if (in_flight() > 0) completed_->ring();  // something may have completed already
  }
  return completed_->fd();
}

}  // namespace ringmain::os
