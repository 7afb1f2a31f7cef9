// Puts right what a dead producer left: its unpublished claim becomes filler, a segment that it
// filled gets its final word. One thread, in the broker; the kernel has proved the death.
//
// What a producer may leave (docs/formats/partition.md, "Death of a producer"):
//   idle       nothing
//   about      perhaps a claim somewhere below the tail that nobody else covers, perhaps a full
//              segment without a final word, perhaps nothing
//   claimed    the frame at its position is published, or becomes filler
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "log/frame_walk.hpp"
#include "log/frame_writer.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

enum class RepairOutcome {
  done,
  retry,         // a living producer stands between its intent and its claim: look again
  needs_memory,  // the gap lies in memory that is not prepared yet
};

template <class M>
class BasicRepairer {
 public:
  using View = BasicPartitionView<M>;
  using IsDead = std::function<bool(std::uint32_t intent_index)>;

  explicit BasicRepairer(const View& view) : view_(view) {}

  // Repairs what producer `index` left and frees its intent's word. Call it again on retry.
  //   Death of the broker within: each step is taken again by the next one.
  RepairOutcome repair(std::uint32_t index, const IsDead& is_dead) {
    auto& line = view_.intent(index);
    const format::Intent intent = format::unpack_intent(line.word.load(std::memory_order_acquire));
    RepairOutcome outcome = RepairOutcome::done;
    if (intent.state != format::IntentState::idle) {
      const std::uint64_t segment = full_sequence(intent.segment);
      const auto slot = view_.find(segment);
      if (slot) {
        outcome = intent.state == format::IntentState::about
                      ? settle_gaps(segment, *slot, index, is_dead)
                      : fill_claim(*slot, intent.position_units, line, index);
      }
    }
    if (outcome == RepairOutcome::done) line.word.store(0, std::memory_order_release);
    return outcome;
  }

  // Fills the claim that a living producer gave up (IntentState::abandoned).
  RepairOutcome repair_abandoned(std::uint32_t index) {
    const auto word = view_.intent(index).word.load(std::memory_order_acquire);
    if (format::unpack_intent(word).state != format::IntentState::abandoned) return RepairOutcome::done;
    return repair(index, [](std::uint32_t) { return false; });
  }

 private:
  struct Covered {  // a claim whose producer still answers for it
    std::uint32_t position, units;
    std::uint64_t offset, records;
  };

  std::uint64_t full_sequence(std::uint64_t low_bits) const noexcept {
    const std::uint64_t active = view_.control().active.load(std::memory_order_acquire);
    return active - ((active - low_bits) & format::kIntentSegmentMask);
  }

  bool prepared(std::uint32_t slot, std::uint64_t end_units) const noexcept {
    return end_units <= prepared_units(slot);
  }
  // Producers can write to the header: it never leads out of the slot.
  std::uint64_t prepared_units(std::uint32_t slot) const noexcept {
    const std::uint64_t bytes = view_.segment_in(slot).prepared_bytes.load(std::memory_order_acquire);
    return std::min(bytes, view_.geometry().slot_bytes) / format::kFrameAlignment;
  }

  RepairOutcome fill_claim(std::uint32_t slot, std::uint32_t position, typename View::IntentLine& line,
                           std::uint32_t owner) {
    const std::uint64_t claim = line.claim.load(std::memory_order_relaxed);
    const std::uint32_t units = static_cast<std::uint32_t>(claim);
    constexpr std::uint32_t kFirstUnits = format::kSegmentHeaderBytes / format::kFrameAlignment;
    if (units == 0 || position < kFirstUnits || position + std::uint64_t{units} > view_.geometry().capacity_units())
      return RepairOutcome::done;  // not a word that our producer wrote: nothing to trust here
    if (!prepared(slot, position + units)) return RepairOutcome::needs_memory;
    std::byte* place = view_.slot(slot) + std::size_t{position} * format::kFrameAlignment;
    const std::uint32_t tag = view_.segment_in(slot).tag;
    if (format::is_published(FrameWriter<M>::at(place).commit.load(std::memory_order_acquire), tag))
      return RepairOutcome::done;
    fill(place, units, line.offset.load(std::memory_order_relaxed), claim >> 32, tag, owner);
    return RepairOutcome::done;
  }

  static void fill(std::byte* place, std::uint32_t units, std::uint64_t offset, std::uint64_t void_offsets,
                   std::uint32_t tag, std::uint32_t owner) {
    FrameWriter<M>::mark_in_progress(place, units * format::kFrameAlignment, tag);
    FrameWriter<M>::write_fields(
        place, FrameWriter<M>::filler(offset, void_offsets, static_cast<std::uint16_t>(owner)));
    FrameWriter<M>::publish(place, units * format::kFrameAlignment, tag);
  }

  // Finds what is claimed below the tail and covered by nobody, and fills it.
  //   Order: the tail is read first, then the intents, then the frames. Every claim below that
  //   tail had its intent stored before its fetch_add (the acquire sees it), and an intent that
  //   has moved on has published its frame (seen when the frame is read).
  RepairOutcome settle_gaps(std::uint64_t segment, std::uint32_t slot, std::uint32_t dead,
                            const IsDead& is_dead) {
    auto& header = view_.segment_in(slot);
    const std::uint64_t base = header.base_offset.load(std::memory_order_acquire);
    if (base == format::kNoOffset) return RepairOutcome::done;  // never was active: no claims
    const format::Tail tail = format::unpack_tail(header.tail.load(std::memory_order_acquire));
    const std::uint64_t final = header.final.load(std::memory_order_acquire);
    const bool full = format::is_full(tail, view_.geometry().capacity_units());

    std::vector<Covered> covered;
    if (!collect(segment, dead, is_dead, covered)) return RepairOutcome::retry;
    // With nobody between intent and claim, a full segment has its final word or never gets one.
    const std::uint64_t final_now = header.final.load(std::memory_order_acquire);
    if (final != final_now) return RepairOutcome::retry;

    const std::uint32_t capacity = view_.geometry().capacity_units();
    format::Tail end = full ? format::Tail{capacity, 0, 0} : tail;
    if (final != 0) end = format::unpack_final(final);
    const bool end_known = final != 0 || !full;
    if (end.units > capacity) return RepairOutcome::done;  // not a word that a producer writes

    FrameWalk<M> walk(view_.slot(slot), header.tag, static_cast<std::uint32_t>(end.units), base);
    while (walk.position_units() < end.units) {
      if (!prepared(slot, walk.position_units() + 1)) {
        if (!end_known && !covered_beyond(covered, walk)) break;  // nothing can lie there
        return RepairOutcome::needs_memory;
      }
      if (walk.step()) continue;
      if (const auto* claim = claim_at(covered, walk.position_units())) {
        walk.skip(claim->units, claim->offset + claim->records - walk.next_offset());
        continue;
      }
      if (walk.step()) continue;  // its owner published it after our first look
      // A gap: nobody who lives answers for it.
      const auto [position, offset] = next_known(slot, header.tag, walk, covered, end.units,
                                                 end_known ? base + end.count : format::kNoOffset);
      if (offset == format::kNoOffset) break;  // nothing known behind it, and the end is open
      if (!prepared(slot, position)) return RepairOutcome::needs_memory;
      const std::uint32_t units = position - walk.position_units();
      fill(view_.slot(slot) + std::size_t{walk.position_units()} * format::kFrameAlignment, units,
           walk.next_offset(), offset - walk.next_offset(), header.tag, dead);
      walk.skip(units, offset - walk.next_offset());
    }
    if (!end_known)  // the producer that filled the segment is dead: it ends where claims end
      header.final.store(format::pack_final(walk.position_units(), walk.next_offset() - base),
                         std::memory_order_release);
    return RepairOutcome::done;
  }

  // All claims in a segment whose intents stand, dead producers' included (they are repaired in
  // their own turn). False if a living producer is between its intent and its claim.
  bool collect(std::uint64_t segment, std::uint32_t dead, const IsDead& is_dead,
               std::vector<Covered>& covered) const {
    for (std::uint32_t i = 0; i < format::kMaxProducers; ++i) {
      auto& line = view_.intent(i);
      const std::uint64_t word = line.word.load(std::memory_order_acquire);
      const format::Intent intent = format::unpack_intent(word);
      if (intent.state == format::IntentState::idle ||
          intent.segment != (segment & format::kIntentSegmentMask))
        continue;
      if (intent.state == format::IntentState::about) {
        if (intent.position_units != format::kOwnsNothing && i != dead && !is_dead(i)) return false;
        continue;
      }
      //   Order: acquire; partner: the releases in BasicSharedAppender. A claim of later than
      //   `word` comes with the publish of this one, and walk.step() then passes it.
      const std::uint64_t claim = line.claim.load(std::memory_order_acquire);
      const std::uint64_t offset = line.offset.load(std::memory_order_acquire);
      if (line.word.load(std::memory_order_acquire) != word) return false;
      const std::uint64_t units = claim & 0xffffffff;
      if (units == 0 || intent.position_units + units > view_.geometry().capacity_units())
        continue;  // not what an appender writes
      covered.push_back({intent.position_units, static_cast<std::uint32_t>(units), offset, claim >> 32});
    }
    std::sort(covered.begin(), covered.end(),
              [](const Covered& a, const Covered& b) { return a.position < b.position; });
    return true;
  }

  static const Covered* claim_at(const std::vector<Covered>& covered, std::uint32_t position) {
    for (const Covered& claim : covered)
      if (claim.position == position) return &claim;
    return nullptr;
  }
  static bool covered_beyond(const std::vector<Covered>& covered, const FrameWalk<M>& walk) {
    return !covered.empty() && covered.back().position >= walk.position_units();
  }

  // The first thing known behind a gap: a published frame (only this segment's frames carry
  // its tag), a covered claim, or the end.
  std::pair<std::uint32_t, std::uint64_t> next_known(std::uint32_t slot, std::uint32_t tag,
                                                     const FrameWalk<M>& gap,
                                                     const std::vector<Covered>& covered,
                                                     std::uint64_t end_units, std::uint64_t end_offset) const {
    std::pair<std::uint32_t, std::uint64_t> next{static_cast<std::uint32_t>(end_units), end_offset};
    // A claim beyond the end came after the tail was read, and others may have come before it.
    for (const Covered& claim : covered)
      if (claim.position > gap.position_units() && claim.position < end_units) {
        next = {claim.position, claim.offset};
        break;
      }
    const std::uint64_t stop = std::min<std::uint64_t>(next.first, prepared_units(slot));
    for (std::uint32_t at = gap.position_units() + 1; at < stop; ++at) {
      const auto& frame = FrameWriter<M>::at(view_.slot(slot) + std::size_t{at} * format::kFrameAlignment);
      if (!format::is_published(frame.commit.load(std::memory_order_acquire), tag)) continue;
      const std::uint64_t offset = frame.offset.load(std::memory_order_relaxed);
      if (offset >= gap.next_offset()) return {at, offset};
    }
    return next;
  }

  View view_;
};

using Repairer = BasicRepairer<SharedMemory>;

}  // namespace ringmain::log
