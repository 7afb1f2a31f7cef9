// Appends to a partition that several producers share. One thread per object; runs in the
// producer's process; never waits and never enters the kernel, but for the broker's bell.
//
// Invariants (docs/formats/partition.md, "Claiming"):
//   1. The intent names the segment before the tail word is touched, and goes on naming it
//      until the claim is published: nothing of it can be recycled meanwhile.
//   2. Claims tile the segment: each byte and each offset below the tail has one owner.
//   3. Exactly one claim turns a segment full (the first that does not fit); its producer
//      states where the segment ends, in the final word.
#pragma once

#include <algorithm>

#include "base/assert.hpp"
#include "log/broker_bell.hpp"
#include "log/claim.hpp"
#include "log/frame_writer.hpp"
#include "log/roll.hpp"
#include "log/segment_cursor.hpp"

namespace ringmain::log {

template <class M>
class BasicSharedAppender {
 public:
  using View = BasicPartitionView<M>;

  BasicSharedAppender(const View& view, std::uint32_t intent_index, BrokerBell& bell)
      : view_(view), intent_(view.intent(intent_index)), bell_(bell),
        owner_(static_cast<std::uint16_t>(intent_index)) {}

  std::uint16_t owner() const noexcept { return owner_; }

  // Claims `bytes` (aligned, headers included, at most the geometry's largest frame unless it
  // is a batch claim, which obeys the same bound) and `records` offsets. `deleted` without the
  // partition's state saying so: its memory is damaged, by a wild write of any process that maps it.
  //   Progress: lock-free; one fetch_add when nobody rolls.
  //   Death: at each step the intent tells the repairer what may be claimed.
  [[gnu::always_inline]] ClaimOutcome claim(std::uint32_t bytes, std::uint32_t records,
                                            Claim& claim) noexcept {
    RINGMAIN_ASSERT(bytes % format::kFrameAlignment == 0 && bytes <= view_.geometry().max_frame_bytes());
    RINGMAIN_ASSERT(records <= format::kMaxClaimRecords);
    const std::uint32_t units = bytes / format::kFrameAlignment;
    for (;;) {  // each turn sees a later segment, or returns
      if (waiting_for_memory_) return resume(claim);
      if (abandoned_ && !reclaim_intent()) return ClaimOutcome::no_memory;
      if (cursor_.header == nullptr && !start()) return ClaimOutcome::deleted;

      //   Order: acquire, so that the look at `active` comes later: if that is still our segment, so
      //   was what we saw. No store is paired with it.
      const format::Tail seen = format::unpack_tail(cursor_.header->tail.load(std::memory_order_acquire));
      if (!format::is_full(seen, capacity()) && seen.units + units > cursor_.check_units) [[unlikely]] {
        if (!cursor_.prepared_for(view_, seen.units + units, bell_)) {
          if (view_.control().active.load(std::memory_order_acquire) == cursor_.sequence)
            return is_possible(seen) ? ClaimOutcome::no_memory : ClaimOutcome::deleted;
          cursor_.header = nullptr;  // that was another segment's memory
          continue;
        }
      }
      announce(units, records);
      step<M>("log.announced");
      // A slot is recycled only after `active` has left it: if it has not, the intent holds it.
      M::light_barrier(view_.geometry().fences);
      if (view_.control().active.load(std::memory_order_acquire) != cursor_.sequence) [[unlikely]] {
        withdraw();
        cursor_.header = nullptr;
        continue;
      }
      if (!format::is_full(seen, capacity())) {
        const format::Tail add{units, records, 0};
        //   Order: acq_rel; partner: Repairer reads the tail before the intents, and so sees the
        //   intent of every claim below it.
        const format::Tail old = format::unpack_tail(
            cursor_.header->tail.fetch_add(format::pack_tail(add), std::memory_order_acq_rel));
        step<M>("log.added");
        if (!is_possible(old)) [[unlikely]] return refuse_damage();
        if (!format::is_full({old.units + units, old.count + records, 0}, capacity())) [[likely]]
          return take(old, units, records, claim);
        if (!format::is_full(old, capacity()))  // ours is the claim that made it full
          cursor_.header->final.store(format::pack_final(old.units, old.count), std::memory_order_release);
      } else if (!is_possible(seen)) {
        return refuse_damage();
      }
      step<M>("log.full");
      const ClaimOutcome outcome = leave_full_segment();
      if (outcome != ClaimOutcome::ok) return outcome;
    }
  }

  // Gives a claim up that still waits for memory; the repairer fills it when memory comes.
  // Until then claim() says no_memory.
  void abandon() noexcept {
    if (!waiting_for_memory_) return;
    waiting_for_memory_ = false;
    abandoned_ = true;
    store_intent(format::IntentState::abandoned, pending_.position);
    bell_.ring();  // the memory may be there by now: nobody else will tell the repairer
  }
  bool holds_pending_claim() const noexcept { return waiting_for_memory_; }

  void publish(const Claim& claim, std::uint32_t size) noexcept {
    FrameWriter<M>::publish(claim.at, size, claim.tag);
  }

 private:
  std::uint32_t capacity() const noexcept { return view_.geometry().capacity_units(); }

  // Whether appenders can have brought the tail there: in this segment, behind its head.
  bool is_possible(format::Tail tail) const noexcept {
    return tail.generation == format::generation_of(cursor_.sequence) &&
           tail.units >= format::kSegmentHeaderBytes / format::kFrameAlignment;
  }
  // Nothing at such a place is ours to write, nor the repairer's in our name.
  ClaimOutcome refuse_damage() noexcept {
    withdraw();
    return ClaimOutcome::deleted;
  }

  bool start() noexcept {
    return view_.control().state.load(std::memory_order_acquire) ==
               static_cast<std::uint32_t>(format::PartitionState::open) &&
           cursor_.follow_active(view_, bell_);
  }

  // SYNC(intent): release; partner: the acquires in Repairer and Recycler.
  void store_intent(format::IntentState state, std::uint32_t position_units) noexcept {
    intent_.word.store(format::pack_intent({state, position_units, cursor_.sequence}),
                       std::memory_order_release);
  }
  void announce(std::uint32_t units, std::uint32_t records) noexcept {
    const std::uint64_t packed = std::uint64_t{units} | std::uint64_t{records} << 32;
    intent_.claim.store(packed, std::memory_order_release);  // see format/intent.hpp
    store_intent(format::IntentState::about, 0);
  }
  void withdraw() noexcept { intent_.word.store(0, std::memory_order_release); }

  ClaimOutcome take(format::Tail old, std::uint32_t units, std::uint32_t records, Claim& claim) noexcept {
    const auto position = static_cast<std::uint32_t>(old.units);
    claim = {cursor_.slot + std::size_t{position} * format::kFrameAlignment,
             cursor_.base_offset + old.count,
             cursor_.sequence,
             units * format::kFrameAlignment,
             records,
             cursor_.tag};
    intent_.offset.store(claim.offset, std::memory_order_release);
    store_intent(format::IntentState::claimed, position);
    step<M>("log.claimed");
    if (position + units > cursor_.check_units) [[unlikely]] {
      waiting_for_memory_ = true;
      pending_ = {claim, position};
      return resume(claim);
    }
    return ClaimOutcome::ok;
  }

  // The claim stands, but others were faster and it lies beyond the prepared memory.
  ClaimOutcome resume(Claim& claim) noexcept {
    claim = pending_.claim;
    const std::uint64_t end = pending_.position + claim.bytes / format::kFrameAlignment;
    if (!cursor_.prepared_for(view_, end, bell_)) return ClaimOutcome::no_memory;
    waiting_for_memory_ = false;
    return ClaimOutcome::ok;
  }

  // The repairer sets the word to idle once it has filled the abandoned claim.
  bool reclaim_intent() noexcept {
    if (intent_.word.load(std::memory_order_acquire) != 0) return false;
    abandoned_ = false;
    return true;
  }

  ClaimOutcome leave_full_segment() noexcept {
    store_intent(format::IntentState::about, format::kOwnsNothing);
    for (int spin = 0; spin < M::kSpinsForAnother; ++spin) {
      bool won = false;
      switch (roll(view_, cursor_.sequence, cursor_.base_offset, *cursor_.header, won)) {
        case RollOutcome::rolled:
          withdraw();
          cursor_.header = nullptr;
          if (won) bell_.ring();
          return ClaimOutcome::ok;
        case RollOutcome::not_prepared:
          withdraw();
          bell_.ring();
          return ClaimOutcome::no_memory;
        case RollOutcome::not_final:
          M::pause();
          break;
      }
    }
    withdraw();
    return ClaimOutcome::stalled;
  }

  struct Pending {
    Claim claim;
    std::uint32_t position = 0;
  };

  View view_;
  typename View::IntentLine& intent_;
  BrokerBell& bell_;
  SegmentCursor<M> cursor_;
  Pending pending_;
  bool waiting_for_memory_ = false;
  bool abandoned_ = false;
  std::uint16_t owner_;
};

using SharedAppender = BasicSharedAppender<SharedMemory>;

}  // namespace ringmain::log
