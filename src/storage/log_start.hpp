// The offset of the oldest record of a partition that may be read: what is below it was taken by retention or by
// trimming, and its files may be gone. It only moves forward. Thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "format/partition.hpp"

namespace ringmain::storage {

class LogStart {
 public:
  // Shared memory gets a copy for readers; producers could write to it, so it is never read back. It must outlive this.
  LogStart(format::Control& control, std::uint64_t offset) noexcept : control_(control), offset_(offset) {
    control_.start_offset.store(offset, std::memory_order_release);
  }

  std::uint64_t offset() const noexcept { return offset_.load(std::memory_order_acquire); }

  void raise(std::uint64_t offset) noexcept {
    const std::lock_guard lock(mutex_);
    if (offset <= offset_.load(std::memory_order_relaxed)) return;
    offset_.store(offset, std::memory_order_release);
    control_.start_offset.store(offset, std::memory_order_release);
  }

 private:
  format::Control& control_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> offset_;
};

}  // namespace ringmain::storage
