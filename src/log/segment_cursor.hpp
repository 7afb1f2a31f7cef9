// The segment that an appender writes to, as a private copy of what its header said.
#pragma once

#include <algorithm>

#include "format/tail_word.hpp"
#include "log/broker_bell.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

template <class M>
struct SegmentCursor {
  using View = BasicPartitionView<M>;

  std::uint64_t sequence = 0;
  std::uint64_t base_offset = 0;
  std::uint32_t tag = 0;
  std::uint32_t limit_units = 0;  // end of the memory known to be prepared
  std::uint32_t check_units = 0;  // up to here no look at the prepared memory is needed
  std::byte* slot = nullptr;
  typename View::SegmentHeader* header = nullptr;

  // Follows `active`. False if the partition holds no usable active segment (corrupt memory).
  //   Order: active is read before and after the header; a slot is recycled only after
  //   active has moved past it, so an unchanged active proves what was read between.
  bool follow_active(const View& view, BrokerBell& bell) noexcept {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const std::uint64_t active = view.control().active.load(std::memory_order_acquire);  // SYNC(active)
      const auto index = view.find(active);
      if (!index) {
        M::pause();
        continue;
      }
      auto& segment = view.segment_in(*index);
      sequence = active;
      base_offset = segment.base_offset.load(std::memory_order_acquire);
      tag = segment.tag;
      slot = view.slot(*index);
      header = &segment;
      limit_units = check_units = 0;
      refresh_limit(view, bell);
      if (view.control().active.load(std::memory_order_acquire) == active) return true;
    }
    return false;
  }

  // Whether the log may be written up to `end_units`; asks for more memory in good time: once
  // when half of what is prepared is used, and again whenever it is short.
  //   Order: acquire; partner: the release in Recycler::grow(), after the memory is there.
  bool prepared_for(const View& view, std::uint64_t end_units, BrokerBell& bell) noexcept {
    const std::uint32_t capacity = view.geometry().capacity_units();
    if (end_units > capacity) return true;  // it will not fit anyway: the roll decides
    refresh_limit(view, bell);
    const bool enough = end_units <= limit_units;
    if (!enough || (limit_units < capacity && end_units > check_units)) {
      bell.ring();
      check_units = limit_units;
    }
    return enough;
  }

 private:
  void refresh_limit(const View& view, BrokerBell& bell) noexcept {
    const std::uint32_t before = limit_units;
    const std::uint64_t prepared = header->prepared_bytes.load(std::memory_order_acquire);
    limit_units = static_cast<std::uint32_t>(std::min(prepared, view.geometry().slot_bytes) /
                                             format::kFrameAlignment);
    if (limit_units == before) return;
    bell.will_use(slot, std::size_t{limit_units} * format::kFrameAlignment);
    check_units = limit_units < view.geometry().capacity_units() ? limit_units / 2 : limit_units;
  }
};

}  // namespace ringmain::log
