// The broker's side of slots: hand them to segments, and take them back when nobody can touch
// them any more. One thread, in the broker; a broker that starts anew derives all it needs from
// the shared memory itself.
//
// A slot is taken back only when its segment
//   1. is below log_start (no reader may enter it), and after that store and a heavy barrier:
//   2. is pinned by no reader, and
//   3. is named by no producer's unpublished intent, nor is its predecessor by a roll.
#pragma once

#include "base/crc32c.hpp"
#include "log/frame_walk.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

struct SegmentIdentity {
  std::uint8_t topic_id[16] = {};
  std::uint32_t partition = 0;
  std::uint32_t tag = 0;  // random, not zero, not the slot's last one
  std::uint32_t leader_epoch = 0;
  std::uint64_t created_ms = 0;
};

enum class Hold { none, reader, producer };

// What keeps a slot from being taken back.
struct Holder {
  Hold hold = Hold::none;
  std::uint32_t index = 0;  // of the reader line or the intent
};

template <class M>
class BasicRecycler {
 public:
  using View = BasicPartitionView<M>;

  explicit BasicRecycler(const View& view) : view_(view) {}

  // Makes `slot` the home of `segment`, the next one to be prepared.
  //   Order: the slot's old name goes first: an intent may still name the segment that it held.
  //   Then header, directory, prepared, each release; partners: View::find(), roll().
  //   Death before `prepared` is stored: the slot still counts as free, the next broker writes
  //   it again.
  void prepare(std::uint64_t segment, std::uint32_t slot, const SegmentIdentity& identity,
               std::uint64_t prepared_bytes, std::uint64_t base_offset = format::kNoOffset) noexcept {
    view_.forget_names(segment, slot);
    auto& header = view_.segment_in(slot);
    header.magic = format::kSegmentMagic;
    for (int i = 0; i < 16; ++i) header.topic_id[i] = identity.topic_id[i];
    header.partition = identity.partition;
    header.tag = identity.tag;
    header.sequence = segment;
    header.created_ms = identity.created_ms;
    header.leader_epoch = identity.leader_epoch;
    for (auto& byte : header.reserved0) byte = 0;
    header.header_crc32c = checksum(header);
    header.tail.store(format::pack_tail({format::kSegmentHeaderBytes / format::kFrameAlignment, 0,
                                         format::generation_of(segment)}),
                      std::memory_order_relaxed);
    header.base_offset.store(base_offset, std::memory_order_relaxed);
    header.final.store(0, std::memory_order_relaxed);
    header.prepared_bytes.store(prepared_bytes, std::memory_order_relaxed);
    view_.name_slot(segment, slot);
    view_.control().prepared.store(segment + 1, std::memory_order_release);
    ring_memory_bell();
  }

  // More of a slot may be touched.
  //   Order: release; partner: the acquire in SegmentCursor::prepared_for().
  void grow(std::uint32_t slot, std::uint64_t prepared_bytes) noexcept {
    view_.segment_in(slot).prepared_bytes.store(prepared_bytes, std::memory_order_release);
    ring_memory_bell();
  }

  void ring_memory_bell() noexcept {
    auto& control = view_.control();
    control.memory_bell.fetch_add(1, std::memory_order_release);
    M::light_barrier(true);  // rare: the counter before the look at who waits
    if (control.memory_waiters.load(std::memory_order_acquire) != 0) M::wake_all(control.memory_bell);
  }

  // No reader may enter segments below `segment` from now on. Never passes the active segment.
  void retire_below(std::uint64_t segment) noexcept {
    view_.control().log_start.store(segment, std::memory_order_release);
    M::heavy_barrier(view_.geometry().fences);
  }

  // Who still holds a retired segment. Call after retire_below(), whose barrier it needs.
  Holder holder(std::uint64_t segment) const noexcept {
    for (std::uint32_t i = 0; i < format::kMaxReaders; ++i)
      if (format::pinned(view_.readers().lines[i].pin.load(std::memory_order_acquire)) == segment + 1)
        return {Hold::reader, i};
    for (std::uint32_t i = 0; i < format::kMaxProducers; ++i)
      if (blocks(i, segment)) return {Hold::producer, i};
    return {};
  }

  // Whether every reader has moved past a segment, and there is one at all. (A reader is pinned
  // from its attachment on; one without a pin has let go on purpose.)
  bool passed_by_all_readers(std::uint64_t segment) const noexcept {
    bool any = false;
    for (auto& line : view_.readers().lines) {
      const std::uint64_t pin = line.pin.load(std::memory_order_acquire);
      if (line.participant.load(std::memory_order_acquire) == 0 || pin == 0) continue;
      if (line.observer.load(std::memory_order_acquire) != 0) continue;
      any = true;
      if (pin <= segment + 1 || (pin & format::kHoldsAll) != 0) return false;
    }
    return any;
  }

  // Whether a reader is in the segment, or in one before it.
  bool is_needed_by_readers(std::uint64_t segment) const noexcept {
    for (auto& line : view_.readers().lines) {
      const std::uint64_t pin = line.pin.load(std::memory_order_acquire);
      if (pin != 0 && format::pinned(pin) <= segment + 1 && line.observer.load(std::memory_order_acquire) == 0) return true;
    }
    return false;
  }

  static std::uint32_t checksum(const typename View::SegmentHeader& header) noexcept {
    return crc32c({reinterpret_cast<const std::byte*>(&header), format::kSegmentCrcBytes});
  }

 private:
  bool blocks(std::uint32_t index, std::uint64_t segment) const noexcept {
    const auto& line = view_.intent(index);
    const format::Intent intent = format::unpack_intent(line.word.load(std::memory_order_acquire));
    const std::uint64_t here = segment & format::kIntentSegmentMask;
    if (intent.state == format::IntentState::idle) return false;
    // A roll out of the predecessor may still set this segment's base offset.
    if (intent.state == format::IntentState::about)
      return intent.segment == here || ((intent.segment + 1) & format::kIntentSegmentMask) == here;
    if (intent.segment != here) return false;
    if (intent.state == format::IntentState::abandoned) return true;
    return !is_published(segment, intent.position_units);
  }

  bool is_published(std::uint64_t segment, std::uint32_t position_units) const noexcept {
    const auto slot = view_.find(segment);
    if (!slot || position_units >= view_.geometry().capacity_units()) return true;  // not there
    auto* frame = reinterpret_cast<typename View::FrameHeader*>(
        view_.slot(*slot) + std::size_t{position_units} * format::kFrameAlignment);
    return format::is_published(frame->commit.load(std::memory_order_acquire),
                                view_.segment_in(*slot).tag);
  }

  View view_;
};

using Recycler = BasicRecycler<SharedMemory>;

}  // namespace ringmain::log
