// Appends to a partition that is declared single-producer: no locked instruction, no tail word,
// no intent. One thread per object; runs in the producer's process. That there is only one is
// the broker's promise: it attaches the next only when the kernel says the last is gone.
//
// What is published is all there is: a producer that died leaves at most an unpublished frame
// at the end, and its successor starts there, overwriting it.
#pragma once

#include "base/assert.hpp"
#include "log/broker_bell.hpp"
#include "log/claim.hpp"
#include "log/frame_walk.hpp"
#include "log/frame_writer.hpp"
#include "log/roll.hpp"
#include "log/segment_cursor.hpp"

namespace ringmain::log {

template <class M>
class BasicExclusiveAppender {
 public:
  using View = BasicPartitionView<M>;

  BasicExclusiveAppender(const View& view, std::uint32_t intent_index, BrokerBell& bell)
      : view_(view), bell_(bell), owner_(static_cast<std::uint16_t>(intent_index)) {}

  std::uint16_t owner() const noexcept { return owner_; }

  // As BasicSharedAppender::claim(). A claim that is never published simply never happened: the
  // next claim() takes the same place again.
  ClaimOutcome claim(std::uint32_t bytes, std::uint32_t records, Claim& claim) noexcept {
    RINGMAIN_ASSERT(bytes % format::kFrameAlignment == 0 && bytes <= view_.geometry().max_frame_bytes());
    const std::uint32_t units = bytes / format::kFrameAlignment;
    if (cursor_.header == nullptr && !start()) return ClaimOutcome::deleted;
    if (position_ + units > cursor_.check_units) [[unlikely]] {
      if (const ClaimOutcome outcome = make_room(units); outcome != ClaimOutcome::ok) return outcome;
    }
    claim = {cursor_.slot + std::size_t{position_} * format::kFrameAlignment,
             next_offset_, cursor_.sequence, bytes, records, cursor_.tag};
    FrameWriter<M>::mark_in_progress(claim.at, claim.bytes, claim.tag);
    return ClaimOutcome::ok;
  }

  void publish(const Claim& claim, std::uint32_t size) noexcept {
    position_ += claim.bytes / format::kFrameAlignment;
    next_offset_ += claim.records;
    FrameWriter<M>::publish(claim.at, size, claim.tag);
  }

  void abandon() noexcept {}
  bool holds_pending_claim() const noexcept { return false; }

 private:
  // Starts behind the last published frame.
  bool start() noexcept {
    if (view_.control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      return false;
    if (!cursor_.follow_active(view_)) return false;
    FrameWalk<M> walk(cursor_.slot, cursor_.tag, view_.geometry().capacity_units(), cursor_.base_offset);
    while (walk.step()) {
    }
    position_ = walk.position_units();
    next_offset_ = walk.next_offset();
    return true;
  }

  ClaimOutcome make_room(std::uint32_t units) noexcept {
    for (;;) {  // at most one roll: an empty segment takes any claim
      const bool fits = position_ + units <= view_.geometry().capacity_units() &&
                        cursor_.header->final.load(std::memory_order_relaxed) == 0;
      if (fits)
        return cursor_.prepared_for(view_, position_ + units, bell_) ? ClaimOutcome::ok
                                                                    : ClaimOutcome::no_memory;
      cursor_.header->final.store(format::pack_final(position_, next_offset_ - cursor_.base_offset),
                                  std::memory_order_release);
      bool won = false;
      const RollOutcome outcome =
          roll(view_, cursor_.sequence, cursor_.base_offset, *cursor_.header, won);
      bell_.ring();
      if (outcome != RollOutcome::rolled) return ClaimOutcome::no_memory;
      if (!cursor_.follow_active(view_)) return ClaimOutcome::deleted;
      position_ = format::kSegmentHeaderBytes / format::kFrameAlignment;
    }
  }

  View view_;
  BrokerBell& bell_;
  SegmentCursor<M> cursor_;
  std::uint32_t position_ = 0;  // in units: where the next frame goes
  std::uint64_t next_offset_ = 0;
  std::uint16_t owner_;
};

using ExclusiveAppender = BasicExclusiveAppender<SharedMemory>;

}  // namespace ringmain::log
