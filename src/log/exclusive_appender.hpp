// Appends to a partition that is declared single-producer: no locked instruction, no tail word,
// no intent. One thread per object; runs in the producer's process. That there is only one is
// the broker's promise: it attaches the next only when the kernel says the last is gone.
//
// What is published is all there is: a producer that died leaves at most an unpublished claim
// at the end, and its successor starts there, overwriting it. Frames inside that claim may look
// published already, so their commit words are wiped before a shorter frame leads readers to them.
#pragma once

#include <algorithm>

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
      : view_(view), intent_(view.intent(intent_index)), bell_(bell),
        owner_(static_cast<std::uint16_t>(intent_index)) {}

  std::uint16_t owner() const noexcept { return owner_; }

  // As BasicSharedAppender::claim(). A claim that is never published simply never happened: the
  // next claim() takes the same place again.
  [[gnu::always_inline]] ClaimOutcome claim(std::uint32_t bytes, std::uint32_t records,
                                            Claim& claim) noexcept {
    RINGMAIN_ASSERT(bytes % format::kFrameAlignment == 0 && bytes <= view_.geometry().max_frame_bytes());
    const std::uint32_t units = bytes / format::kFrameAlignment;
    if (view_.control().state.load(std::memory_order_relaxed) != 0) [[unlikely]]
      return ClaimOutcome::deleted;
    if (cursor_.header == nullptr && !start()) return ClaimOutcome::deleted;
    if (open_units_ != 0) [[unlikely]] wipe(open_units_);
    if (position_ + units > cursor_.check_units || !takes_records(records)) [[unlikely]] {
      if (const ClaimOutcome outcome = make_room(units, records); outcome != ClaimOutcome::ok) return outcome;
    }
    claim = {cursor_.slot + std::size_t{position_} * format::kFrameAlignment,
             next_offset_, cursor_.sequence, bytes, records, cursor_.tag};
    open_units_ = units;
    return ClaimOutcome::ok;
  }

  void publish(const Claim& claim, std::uint32_t size) noexcept {
    position_ += claim.bytes / format::kFrameAlignment;
    next_offset_ += claim.records;
    open_units_ = 0;
    FrameWriter<M>::publish(claim.at, size, claim.tag);
  }

  // A claim that will stay open for a while is written down, so that people can see who is in the
  // way; if its producer dies, it becomes filler as any other.
  void announce(const Claim& claim) noexcept {
    intent_.claim.store(claim.bytes / format::kFrameAlignment | std::uint64_t{claim.records} << 32,
                        std::memory_order_relaxed);
    intent_.offset.store(claim.offset, std::memory_order_relaxed);
    intent_.word.store(format::pack_intent({format::IntentState::claimed, position_, claim.segment}),
                       std::memory_order_release);  // SYNC(intent)
  }
  void withdraw() noexcept { intent_.word.store(0, std::memory_order_release); }

  void abandon() noexcept {}
  bool holds_pending_claim() const noexcept { return false; }

 private:
  // Starts behind the last published frame.
  bool start() noexcept {
    if (view_.control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      return false;
    if (!cursor_.follow_active(view_, bell_)) return false;
    FrameWalk<M> walk(cursor_.slot, cursor_.tag, view_.geometry().capacity_units(), cursor_.base_offset);
    while (walk.step()) {
    }
    position_ = walk.position_units();
    next_offset_ = walk.next_offset();
    wipe(view_.geometry().max_frame_bytes() / format::kFrameAlignment);
    // The last producer died between the final word and the roll: only the roll is left to do.
    if (cursor_.header->final.load(std::memory_order_acquire) != 0) cursor_.check_units = 0;
    return true;
  }

  // No frame begins in the next `units`: nobody has published them, so no reader is there.
  //   Order: the release of the next publish comes after these stores.
  void wipe(std::uint32_t units) noexcept {
    const std::uint32_t end = std::min(position_ + units, cursor_.limit_units);
    for (std::uint32_t at = position_; at < end; ++at) {
      auto& commit = FrameWriter<M>::at(cursor_.slot + std::size_t{at} * format::kFrameAlignment).commit;
      if (format::commit_tag(commit.load(std::memory_order_relaxed)) == cursor_.tag)
        commit.store(0, std::memory_order_relaxed);
    }
    open_units_ = 0;
  }

  bool takes_records(std::uint32_t records) const noexcept {
    return next_offset_ - cursor_.base_offset + records <= format::kMaxSegmentRecords;
  }

  ClaimOutcome make_room(std::uint32_t units, std::uint32_t records) noexcept {
    for (;;) {  // at most one roll: an empty segment takes any claim
      const bool fits = position_ + units <= view_.geometry().capacity_units() && takes_records(records) &&
                        cursor_.header->final.load(std::memory_order_relaxed) == 0;
      // For the broker alone, which prepares memory by it; nobody claims by this tail.
      cursor_.header->tail.store(
          format::pack_tail({position_ + units, 0, format::generation_of(cursor_.sequence)}), std::memory_order_relaxed);
      if (fits)
        return cursor_.prepared_for(view_, position_ + units, bell_) ? ClaimOutcome::ok
                                                                    : ClaimOutcome::no_memory;
      cursor_.header->final.store(format::pack_final(position_, next_offset_ - cursor_.base_offset),
                                  std::memory_order_release);
      cursor_.check_units = 0;  // it ends here, however little the next claim needs
      bool won = false;
      const RollOutcome outcome =
          roll(view_, cursor_.sequence, cursor_.base_offset, *cursor_.header, won);
      bell_.ring();
      if (outcome != RollOutcome::rolled) return ClaimOutcome::no_memory;
      if (!cursor_.follow_active(view_, bell_)) return ClaimOutcome::deleted;
      position_ = format::kSegmentHeaderBytes / format::kFrameAlignment;
    }
  }

  View view_;
  typename View::IntentLine& intent_;
  BrokerBell& bell_;
  SegmentCursor<M> cursor_;
  std::uint32_t position_ = 0;  // in units: where the next frame goes
  std::uint64_t next_offset_ = 0;
  std::uint32_t open_units_ = 0;  // claimed and not published
  std::uint16_t owner_;
};

using ExclusiveAppender = BasicExclusiveAppender<SharedMemory>;

}  // namespace ringmain::log
