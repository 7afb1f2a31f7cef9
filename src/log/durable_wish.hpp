// Asking the persister to bring records to disk at once. Any process that may write to the
// partition, any thread. Waiting for it: src/client/durable_wait.hpp; what the persister does:
// src/storage/log_writer.cpp.
#pragma once

#include <cstdint>

#include "log/partition_view.hpp"

namespace ringmain::log {

enum class RingPersister {
  always,
  if_idle,  // not if it has earlier wishes to fulfil: it then finds this one by itself
};

inline void ring_persister(const PartitionView& view) noexcept {
  const std::uint32_t persister = view.control().persister.load(std::memory_order_acquire);
  if (persister == 0 || persister >= format::kMaxParticipants) return;
  auto& bell = view.doorbells()[persister].rings;
  bell.fetch_add(1, std::memory_order_release);
  SharedMemory::wake_all(bell);
}

// Asks that the records below `end_offset`, all of them published, go to disk at once. (A higher
// one would make every later record urgent.) Waits for nothing.
inline void wish_durable(const PartitionView& view, std::uint64_t end_offset,
                         RingPersister ring) noexcept {
  auto& wanted = view.control().durable_wanted;
  std::uint64_t before = wanted.load(std::memory_order_relaxed);
  while (before < end_offset &&
         !wanted.compare_exchange_weak(before, end_offset, std::memory_order_seq_cst,
                                       std::memory_order_relaxed)) {
  }
  const bool idle = before <= view.control().durable_offset.load(std::memory_order_acquire);
  if (ring == RingPersister::always || idle) ring_persister(view);
}

}  // namespace ringmain::log
