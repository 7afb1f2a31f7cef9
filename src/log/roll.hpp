// The step from a full segment to the next: done by whichever producer gets there, as often as
// anybody tries, with one result.
#pragma once

#include "format/tail_word.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

enum class RollOutcome { rolled, not_final, not_prepared };

// Makes `segment + 1` the active segment.
//   Role:     any producer, or the repairer; the caller's intent names `segment` (or it is the
//             single producer, or the broker), which keeps both slots from being recycled.
//   Order:    SYNC(active) release; partner: the acquires in SegmentCursor and Reader. The base
//             offset and the final word are stored before it.
//   Progress: lock-free: each step is a CAS that somebody wins with the same value.
//   Death between the steps: the next caller finds them done and goes on.
template <class M>
RollOutcome roll(const BasicPartitionView<M>& view, std::uint64_t segment, std::uint64_t base_offset,
                 typename BasicPartitionView<M>::SegmentHeader& header, bool& won) noexcept {
  won = false;
  auto& control = view.control();
  const std::uint64_t final = header.final.load(std::memory_order_acquire);
  if (final == 0)
    return control.active.load(std::memory_order_acquire) == segment ? RollOutcome::not_final
                                                                     : RollOutcome::rolled;
  const std::uint64_t next = segment + 1;
  if (control.active.load(std::memory_order_acquire) != segment) return RollOutcome::rolled;
  if (control.prepared.load(std::memory_order_acquire) <= next) return RollOutcome::not_prepared;
  const auto slot = view.find(next);
  if (!slot) return RollOutcome::not_prepared;

  std::uint64_t unset = format::kNoOffset;
  view.segment_in(*slot).base_offset.compare_exchange_strong(
      unset, base_offset + format::unpack_final(final).count, std::memory_order_acq_rel,
      std::memory_order_acquire);
  step<M>("log.based");
  std::uint64_t expected = segment;
  won = control.active.compare_exchange_strong(expected, next, std::memory_order_acq_rel,  // SYNC(active)
                                               std::memory_order_acquire);
  return RollOutcome::rolled;
}

}  // namespace ringmain::log
