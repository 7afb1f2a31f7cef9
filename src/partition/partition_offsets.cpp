// Where a partition's log starts and ends, and moving its start.
#include <algorithm>

#include "log/frame_walk.hpp"
#include "os/fault.hpp"
#include "partition/partition.hpp"

namespace ringmain::partition {

std::uint64_t Partition::start_offset() const noexcept {
  if (store_) return store_->start_offset();
  return std::max(oldest_in_memory(), view_.control().start_offset.load(std::memory_order_acquire));
}

std::uint64_t Partition::oldest_in_memory() const noexcept {
  const auto slot = view_.find(view_.control().log_start.load(std::memory_order_acquire));  // moves on this thread only
  return slot ? view_.segment_in(*slot).base_offset.load(std::memory_order_acquire) : 0;
}

// The end of the frames that are published without a gap; those who roll meanwhile do not matter.
std::uint64_t Partition::end_offset() const noexcept {
  const auto& control = view_.control();
  std::uint64_t segment = control.active.load(std::memory_order_acquire);
  const auto slot = view_.find(segment);
  if (!slot) return first_offset_;
  const auto& header = view_.segment_in(*slot);
  const std::uint64_t base_offset = header.base_offset.load(std::memory_order_acquire);
  const std::uint64_t bytes =
      std::min(header.prepared_bytes.load(std::memory_order_acquire), view_.geometry().slot_bytes);
  log::FrameWalk<log::SharedMemory> walk(view_.slot(*slot), header.tag,
                                         static_cast<std::uint32_t>(bytes / format::kFrameAlignment), base_offset);
  while (walk.step())  // a frame a turn, as many as fit into a slot
    continue;
  return walk.next_offset();
}

void Partition::trim(std::uint64_t offset) {
  if (store_) return store_->raise_start(offset);
  view_.control().start_offset.store(offset, std::memory_order_release);
  drop_trimmed();
  recycler_.ring_memory_bell();
}

// Of a log in memory: segments that lie below its start.
void Partition::drop_trimmed() {
  auto& control = view_.control();
  const std::uint64_t start = control.start_offset.load(std::memory_order_relaxed);
  const std::uint64_t oldest = control.log_start.load(std::memory_order_relaxed);
  std::uint64_t kept = oldest;
  while (kept < control.active.load(std::memory_order_acquire)) {  // up to the first that holds the start
    const auto next = view_.find(kept + 1);
    if (!next || view_.segment_in(*next).base_offset.load(std::memory_order_acquire) > start) break;
    ++kept;
  }
  if (kept == oldest) return;
  os::fault_point("partition.retire");
  recycler_.retire_below(kept);
}

}  // namespace ringmain::partition
