// Completing what is in flight, step by step.
#include "os/simulated_disk_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "os/simulated_disk_file.hpp"

namespace ringmain::os::simulated {
namespace {

FileState& file_of(const DiskOperation& operation) {
  return static_cast<FileState&>(*operation.file);
}

}  // namespace

Queue::Queue(const DiskQueueOptions& options, DiskBuffers memory, std::shared_ptr<Machine> machine)
    : DiskQueueCore(options, std::move(memory)),
      machine_(std::move(machine)),
      epoch_(machine_->epoch) {
  capabilities_.asynchronous = true;
  capabilities_.description = "simulated";
  machine_->add_queue(*this);
}

Queue::~Queue() {
  while (anything_active()) {  // ends: each pass completes something
    start_ready();
    run_some(true);
  }
  machine_->remove_queue(*this);
}

Result<std::shared_ptr<DiskFileState>> Queue::state_of(DiskFile& file) {
  RINGMAIN_TRY(machine_->check_power("cannot write " + file.path(), epoch_));
  return writable_state(file, *machine_);
}

void Queue::taken_on(uint32_t place) {
  DiskOperation& next = operation(place);
  if (next.is_write()) next.checksum = crc32c(unwritten_bytes(next));
}

void Queue::start(uint32_t place) {
  const Status power = machine_->check_power("cannot write " + operation(place).file->path, epoch_);
  if (!power) return finish(place, tl::make_unexpected(power.error()));
  started_.push_back(place);
}

Status Queue::submit() {
  check_thread();
  start_ready();
  if (completed_ && in_flight() > 0) completed_->ring();
  return {};
}

Result<uint32_t> Queue::reap(ReapWait wait, const DiskCallback& done) {
  RINGMAIN_TRY(submit());
  const bool must_complete = wait == ReapWait::for_one;
  do {  // ends: a pass that must complete something does a step of it, and steps are bounded
    run_some(must_complete);
    start_ready();
  } while (must_complete && !anything_to_report() && anything_active());
  const uint32_t count = report(done);
  if (completed_) {
    completed_->drain();
    if (in_flight() > 0) completed_->ring();
  }
  return count;
}

// Gives whether it did anything.
bool Queue::run_some(bool at_least_one) {
  std::vector<uint32_t> places = started_;
  if (machine_->options.shuffle_completions) {
    for (size_t left = places.size(); left > 1; --left) {
      std::swap(places[left - 1], places[machine_->random.below(left)]);
    }
  }
  bool did_any = false;
  for (const uint32_t place : places) {
    if (std::find(started_.begin(), started_.end(), place) == started_.end()) continue;  // power
    const bool is_delayed = machine_->random.below(100) < machine_->options.delay_percent;
    const bool is_last_chance = at_least_one && !did_any && place == places.back();
    if (is_delayed && !is_last_chance) continue;
    step(place);
    did_any = true;
  }
  return did_any;
}

void Queue::step(uint32_t place) {
  if (operation(place).is_write()) {
    step_write(place);
  } else {
    step_sync(place);
  }
}

void Queue::check_bytes(const DiskOperation& write) const {
  // Whoever touches a buffer in flight writes something else than he thinks.
  RINGMAIN_ASSERT(crc32c(buffers()[write.write.buffer].subspan(
                      write.write.from, write.write.size_bytes)) == write.checksum);
}

void Queue::step_write(uint32_t place) {
  DiskOperation& next = operation(place);
  const std::shared_ptr<DiskFileState> keep = next.file;
  FileState& file = file_of(next);
  check_bytes(next);
  std::erase(started_, place);  // a power cut within must not strike it a second time
  const Result<uint64_t> written =
      machine_->write(file, next.write.at + next.written_bytes, unwritten_bytes(next));
  if (!written) return finish(place, tl::make_unexpected(written.error()));
  next.written_bytes += static_cast<uint32_t>(*written);
  if (next.written_bytes < next.write.size_bytes) {
    started_.push_back(place);
    return;
  }
  if (next.is_synced_write()) {
    const Status synced = machine_->sync_range(file, {next.write.at, next.write.size_bytes});
    if (!synced) return finish(place, tl::make_unexpected(synced.error()));
  }
  finish(place, next.write.size_bytes);
}

void Queue::step_sync(uint32_t place) {
  const std::shared_ptr<DiskFileState> file = operation(place).file;
  std::erase(started_, place);
  const Status synced = machine_->sync_all(static_cast<FileState&>(*file));
  if (!synced) return finish(place, tl::make_unexpected(synced.error()));
  finish(place, 0);
}

// What was not started is refused when its turn comes.
void Queue::power_goes() {
  for (const uint32_t place : std::exchange(started_, {})) {
    const DiskOperation& next = operation(place);
    if (next.is_write()) {
      check_bytes(next);
      file_of(next).node->content.write(next.write.at + next.written_bytes, unwritten_bytes(next));
    }
    start(place);
  }
}

Result<int> Queue::completion_fd() {
  check_thread();
  if (!completed_) {
    RINGMAIN_TRY_ASSIGN(made, EventFd::create());
    completed_ = std::move(made);
    if (in_flight() > 0) completed_->ring();
  }
  return completed_->fd();
}

}  // namespace ringmain::os::simulated
