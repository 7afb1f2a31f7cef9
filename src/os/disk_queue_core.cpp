// The bookkeeping of operations in flight.
#include "os/disk_queue_core.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.hpp"

namespace ringmain::os {
namespace {

constexpr uint32_t depth_max =
    4096;  // io_uring's rings end at 32768 entries; we use up to two each

bool is_aligned(uint64_t number) noexcept {
  return number % disk_block_bytes == 0;
}

bool overlap(const DiskWrite& left, const DiskWrite& right) noexcept {
  return left.at < right.at + right.size_bytes && right.at < left.at + left.size_bytes;
}

}  // namespace

Status check(const DiskQueueOptions& options) {
  if (options.depth == 0 || options.depth > depth_max) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("a disk queue of depth {}: it must be 1 to {}", options.depth, depth_max));
  }
  if (options.buffer_count == 0 || options.buffer_bytes == 0 || !is_aligned(options.buffer_bytes)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a disk queue with {} buffers of {} bytes: there must be at least one, "
                            "of a multiple of {} bytes",
                            options.buffer_count, options.buffer_bytes, disk_block_bytes));
  }
  return {};
}

Status refuse_sync_after_failure(const DiskFileState& file) {
  if (!file.sync_failed.load(std::memory_order_relaxed)) return {};
  return fail(ErrorCode::io,
              fmt::format("cannot sync {}: an earlier sync of it failed, and what it lost is "
                          "unknown; open it again and write again what is not durable",
                          file.path));
}

DiskQueueCore::DiskQueueCore(const DiskQueueOptions& options, DiskBuffers buffers)
    : buffers_(std::move(buffers)), operations_(options.depth), owner_(std::this_thread::get_id()) {
  for (uint32_t place = options.depth; place > 0; --place) free_places_.push_back(place - 1);
}

void DiskQueueCore::check_thread() const noexcept {
  RINGMAIN_ASSERT(std::this_thread::get_id() == owner_);
}

std::optional<uint32_t> DiskQueueCore::take_buffer() noexcept {
  return buffers_.take();
}

void DiskQueueCore::give_back(uint32_t buffer) noexcept {
  buffers_.give_back(buffer);
}

uint32_t DiskQueueCore::in_flight() const noexcept {
  return active_ + static_cast<uint32_t>(completions_.size());
}

Status DiskQueueCore::check_write(const DiskFileState& file, const DiskWrite& write) const {
  if (!is_aligned(write.at) || !is_aligned(write.from) || !is_aligned(write.size_bytes) ||
      write.size_bytes == 0) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("cannot write {} bytes at {} of {} from byte {} of a buffer: all must be "
                    "multiples of {}, and the size not 0",
                    write.size_bytes, write.at, file.path, write.from, disk_block_bytes));
  }
  if (write.buffer >= buffers_.count() || write.from > buffers_.bytes_each() ||
      write.size_bytes > buffers_.bytes_each() - write.from) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cannot write {} bytes to {} from byte {} of buffer {}: there are {} "
                            "buffers of {} bytes",
                            write.size_bytes, file.path, write.from, write.buffer, buffers_.count(),
                            buffers_.bytes_each()));
  }
  if (write.at > static_cast<uint64_t>(INT64_MAX) - write.size_bytes) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("cannot write at {} of {}: no file is that large", write.at, file.path));
  }
  for (const DiskOperation& other : operations_) {
    if (other.file.get() != &file || !other.is_write() || !overlap(other.write, write)) continue;
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("cannot write {} bytes at {} of {}: a write of {} bytes at {} is in flight",
                    write.size_bytes, write.at, file.path, other.write.size_bytes, other.write.at));
  }
  return {};
}

Result<uint32_t> DiskQueueCore::take_on(DiskOperation operation) {
  if (room() == 0) {
    return fail(ErrorCode::invalid_state,
                fmt::format("cannot take on another write to {}: {} are in flight, reap first",
                            operation.file->path, in_flight()));
  }
  RINGMAIN_ASSERT(!free_places_.empty());
  const uint32_t place = free_places_.back();
  free_places_.pop_back();
  operation.sequence = next_sequence_++;
  operations_[place] = std::move(operation);
  ++active_;
  taken_on(place);
  return place;
}

Status DiskQueueCore::submit_write(DiskFile& file, const DiskWrite& write, DiskToken token) {
  check_thread();
  RINGMAIN_TRY_ASSIGN(state, state_of(file));
  RINGMAIN_TRY(check_write(*state, write));
  DiskOperation operation;
  operation.file = std::move(state);
  operation.token = token;
  operation.write = write;
  RINGMAIN_TRY_ASSIGN(place, take_on(std::move(operation)));
  buffers_.hold(write.buffer);
  ready_.push_back(place);
  return {};
}

Status DiskQueueCore::submit_sync(DiskFile& file, DiskToken token) {
  check_thread();
  RINGMAIN_TRY_ASSIGN(state, state_of(file));
  RINGMAIN_TRY(refuse_sync_after_failure(*state));
  DiskOperation operation;
  operation.kind = DiskOperation::Kind::sync;
  operation.token = token;
  operation.awaited_writes = static_cast<uint32_t>(std::count_if(
      operations_.begin(), operations_.end(),
      [&](const DiskOperation& other) { return other.file == state && other.is_write(); }));
  operation.file = std::move(state);
  const bool is_ready = operation.awaited_writes == 0;
  RINGMAIN_TRY_ASSIGN(place, take_on(std::move(operation)));
  if (is_ready) ready_.push_back(place);
  return {};
}

std::span<std::byte> DiskQueueCore::unwritten_bytes(const DiskOperation& operation) const noexcept {
  return buffers_[operation.write.buffer].subspan(
      operation.write.from + operation.written_bytes,
      operation.write.size_bytes - operation.written_bytes);
}

// Ends: each place is started once; one that becomes ready meanwhile is a sync, and their
// number is bounded by `depth`.
void DiskQueueCore::start_ready() {
  while (!ready_.empty()) {
    const uint32_t place = ready_.front();
    ready_.pop_front();
    DiskOperation& next = operations_[place];
    if (next.kind == DiskOperation::Kind::sync) {
      if (next.awaited_error) {
        complete(place, fail(next.awaited_error->code,
                             fmt::format("cannot sync {}: a write before it failed: {}",
                                         next.file->path, next.awaited_error->message)));
        continue;
      }
      if (Status refused = refuse_sync_after_failure(*next.file); !refused) {
        complete(place, tl::make_unexpected(std::move(refused).error()));
        continue;
      }
    }
    start(place);
  }
}

void DiskQueueCore::finish(uint32_t place, Result<uint64_t> result) {
  DiskOperation& finished = operations_[place];
  // A synced write may have failed in its sync, which uses up the kernel's memory of lost
  // pages as a plain sync does.
  if (!result && (!finished.is_write() || finished.is_synced_write())) {
    finished.file->sync_failed.store(true, std::memory_order_relaxed);
  }
  complete(place, std::move(result));
}

void DiskQueueCore::complete(uint32_t place, Result<uint64_t> result) {
  DiskOperation finished = std::exchange(operations_[place], DiskOperation{});
  RINGMAIN_ASSERT(finished.file != nullptr);
  free_places_.push_back(place);
  --active_;
  if (finished.is_write()) {
    buffers_.release(finished.write.buffer);
    write_finished(finished, result);
  }
  completions_.push_back({finished.token, std::move(result)});
}

void DiskQueueCore::write_finished(const DiskOperation& write, const Result<uint64_t>& result) {
  for (uint32_t place = 0; place < operations_.size(); ++place) {
    DiskOperation& sync = operations_[place];
    if (sync.file != write.file || sync.is_write() || sync.sequence < write.sequence) continue;
    RINGMAIN_ASSERT(sync.awaited_writes > 0);
    if (!result) sync.awaited_error = result.error();
    if (--sync.awaited_writes == 0) ready_.push_back(place);
  }
}

uint32_t DiskQueueCore::report(const DiskCallback& done) {
  RINGMAIN_ASSERT(!reporting_);  // `done` must not reap
  reporting_ = true;
  const auto count = static_cast<uint32_t>(completions_.size());
  for (uint32_t reported = 0; reported < count; ++reported) {
    Completion completion = std::move(completions_.front());
    completions_.pop_front();
    done(completion.token, std::move(completion.result));
  }
  reporting_ = false;
  return count;
}

}  // namespace ringmain::os
