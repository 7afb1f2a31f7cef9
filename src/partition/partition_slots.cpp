// A partition's slots: memory ahead of the appenders, and what is taken back for it.
#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "os/fault.hpp"
#include "partition/partition.hpp"

namespace ringmain::partition {
namespace {

// A partition that nobody uses much holds this much per prepared slot; one that has rolled once
// gets whole slots.
constexpr std::uint64_t kFirstStepBytes = 256 * 1024;

// Segments prepared behind the active one: the broker has that long to answer a roll.
constexpr std::uint64_t kPreparedAhead = 1;

}  // namespace

// Segments that take appends, or have taken some and wait for the memory of their last ones, get
// memory in steps, before appenders need it.
void Partition::grow_segments() {
  auto& control = view_.control();
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot) {
    if (!segment_of_[slot] || *segment_of_[slot] > active || made_bytes_[slot] >= view_.geometry().slot_bytes) continue;
    grow(slot, *segment_of_[slot] < active);
  }
}

void Partition::grow(std::uint32_t slot, bool rolled) {
  const std::uint64_t slot_bytes = view_.geometry().slot_bytes;
  const std::uint64_t used =
      format::unpack_tail(view_.segment_in(slot).tail.load(std::memory_order_acquire)).units * format::kFrameAlignment;
  std::uint64_t want = std::max(made_bytes_[slot], kFirstStepBytes);
  while (want < slot_bytes && used > want / 2) want *= 2;
  // Somebody waits, perhaps for more than a step; or for what it claimed just before a roll.
  const bool waited_for = view_.control().memory_waiters.load(std::memory_order_acquire) != 0;
  if (rolled || waited_for || died_over_claims_) want = slot_bytes;
  want = std::min(want, slot_bytes);
  if (want > made_bytes_[slot] && make_bytes(slot, want)) recycler_.grow(slot, usable_bytes(slot));
}

// A reader at the end of what is prepared looks at the header that would come next: that must be
// memory, too.
std::uint64_t Partition::usable_bytes(std::uint32_t slot) const noexcept {
  const std::uint64_t made = made_bytes_[slot];
  return made >= view_.geometry().slot_bytes ? made : made - format::kFrameHeaderBytes;
}

bool Partition::prepare_ahead() {
  auto& control = view_.control();
  for (;;) {  // bounded by kPreparedAhead and by how fast producers roll
    const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
    const std::uint64_t active = control.active.load(std::memory_order_acquire);
    if (prepared > active + kPreparedAhead) return true;
    const bool short_before = memory_short_;
    auto slot = obtain_slot();
    if (!slot) return false;
    if (prepare(*slot)) continue;
    // The file system has no memory for one more slot, which therefore stays unused. Who may drop
    // goes on in the memory of the oldest segment, and then is not short of any.
    if (!may_drop()) return false;
    slot = drop_oldest();
    if (!slot || !prepare(*slot)) return false;
    memory_short_ = short_before;
  }
}

std::optional<std::uint32_t> Partition::obtain_slot() {
  if (const auto slot = collect_retired()) return slot;
  if (store_) {
    if (const auto slot = reclaim_durable()) return slot;
  } else if (view_.geometry().full_policy == format::FullPolicy::block) {
    if (const auto slot = reclaim_passed()) return slot;
  }
  if (!free_.empty()) {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot)
    if (!segment_of_[slot] && made_bytes_[slot] == 0) return slot;
  return may_drop() ? drop_oldest() : std::nullopt;
}

// Whether the log may let its oldest segment go though a reader may need it there: what is on disk can be read from disk.
bool Partition::may_drop() const noexcept {
  return store_ || view_.geometry().full_policy == format::FullPolicy::drop_oldest;
}

void Partition::free_slot(std::uint32_t slot, std::uint64_t segment) {
  segment_of_[slot].reset();
  view_.forget_names(segment, slot);
  os::fault_point("partition.freed");
}

// Segments below log_start whose holders have gone by now.
std::optional<std::uint32_t> Partition::collect_retired() {
  const std::uint64_t log_start = view_.control().log_start.load(std::memory_order_relaxed);
  held_.clear();
  bool barrier_done = false;
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot) {
    if (!segment_of_[slot] || *segment_of_[slot] >= log_start) continue;
    const std::uint64_t segment = *segment_of_[slot];
    if (!barrier_done) log::SharedMemory::heavy_barrier(view_.geometry().fences);
    barrier_done = true;
    const log::Holder holder = recycler_.holder(segment);
    if (holder.hold == log::Hold::none) {
      free_slot(slot, segment);
      free_.push_back(slot);
    } else {
      held_.emplace_back(segment, holder);
    }
  }
  if (free_.empty()) return std::nullopt;
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

// `block`: what every reader has passed is no longer needed.
std::optional<std::uint32_t> Partition::reclaim_passed() {
  auto& control = view_.control();
  const std::uint64_t start = control.log_start.load(std::memory_order_relaxed);
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  std::uint64_t passed = start;
  while (passed < active && recycler_.passed_by_all_readers(passed)) ++passed;
  if (passed == start) return std::nullopt;
  os::fault_point("partition.retire");
  recycler_.retire_below(passed);
  return collect_retired();
}

// On disk, and no reader is there or behind: readers that keep up share few slots, which stay in the CPU's caches.
std::optional<std::uint32_t> Partition::reclaim_durable() {
  auto& control = view_.control();
  const std::uint64_t start = control.log_start.load(std::memory_order_relaxed);
  const std::uint64_t end = std::min(control.active.load(std::memory_order_acquire), store_->durable_segments());
  std::uint64_t passed = start;
  while (passed < end && !recycler_.is_needed_by_readers(passed)) ++passed;
  if (passed == start) return std::nullopt;
  os::fault_point("partition.retire");
  recycler_.retire_below(passed);
  return collect_retired();
}

// Whatever it takes to go on, but for the active segment, and what is not on disk yet but shall be.
std::optional<std::uint32_t> Partition::drop_oldest() {
  auto& control = view_.control();
  for (;;) {  // ends at the active segment
    const std::uint64_t start = control.log_start.load(std::memory_order_relaxed);
    if (start >= control.active.load(std::memory_order_acquire)) return std::nullopt;
    if (store_ && start >= store_->durable_segments()) return std::nullopt;
    os::fault_point("partition.retire");
    recycler_.retire_below(start + 1);
    if (const auto slot = collect_retired()) return slot;
  }
}

bool Partition::prepare(std::uint32_t slot) {
  auto& control = view_.control();
  const std::uint64_t segment = control.prepared.load(std::memory_order_relaxed);
  const bool rolled = control.active.load(std::memory_order_relaxed) > first_segment_;
  const std::uint64_t bytes = rolled ? view_.geometry().slot_bytes : kFirstStepBytes;
  if (!make_bytes(slot, std::min(bytes, view_.geometry().slot_bytes)) && made_bytes_[slot] == 0) return false;
  log::SegmentIdentity identity;
  std::memcpy(identity.topic_id, name_.topic_id.data(), sizeof(identity.topic_id));
  identity.partition = name_.partition;
  const std::uint32_t last_tag = view_.segment_in(slot).tag;
  do identity.tag = static_cast<std::uint32_t>(os_entropy64());
  while (identity.tag == 0 || identity.tag == last_tag);
  identity.created_ms = static_cast<std::uint64_t>(now_real_ms());
  os::fault_point("partition.prepare");
  recycler_.prepare(segment, slot, identity, usable_bytes(slot), is_new() ? first_offset_ : format::kNoOffset);
  segment_of_[slot] = segment;
  return true;
}

bool Partition::make_bytes(std::uint32_t slot, std::uint64_t to_bytes) {
  if (made_bytes_[slot] >= to_bytes) return true;
  if (auto made = files_.allocate_slot(slot, made_bytes_[slot], to_bytes); !made) {
    if (!std::exchange(shortage_told_, true)) log_(fmt::format("partition {}: {}", name_.text(), made.error().message));
    memory_short_ = true;
    return false;
  }
  made_bytes_[slot] = to_bytes;
  shortage_told_ = false;
  return true;
}

}  // namespace ringmain::partition
