// The processes of `perf throughput`: producers, consumers, and the parent that keeps them in step.
// All take the same turns: memcpy (one of them, while the others wait), warm-up, measurement.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "perf/memcpy_limit.hpp"
#include "perf/placement.hpp"
#include "perf/shared.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::tools {

inline constexpr uint32_t processes_max = 64;

struct ThroughputPlan {
  size_t size_bytes = 0;
  uint64_t count = 0;  // of all producers together
  uint64_t warm_up = 0;
  uint32_t producers = 0, consumers = 0, batch = 1, runs = 1;
  std::vector<int> cores;  // producers first
  Waiting waiting = Waiting::spin;
  std::string topic;

  uint32_t processes() const noexcept { return producers + consumers; }
  uint32_t parties() const noexcept { return processes() + 1; }
  // The part of `total` records that a producer sends.
  uint64_t share(uint32_t producer, uint64_t total) const noexcept {
    return total / producers + (producer < total % producers ? 1 : 0);
  }
};

struct alignas(128) Lap {  // one process's, of the current run
  int64_t begin_ns = 0;
  int64_t end_ns = 0;
};

struct ThroughputBoard {
  Rendezvous rendezvous;
  std::array<Lap, processes_max> laps;
  MemcpySpeed memcpy_speed;
};

// The turns of one process; those below plan.producers send. Throws Failure for a record that
// arrives damaged or out of order.
void take_part(const ThroughputPlan& plan, ThroughputBoard& board, uint32_t index,
               const BusOptions& bus_options);

}  // namespace ringmain::tools
