// The two processes of `perf latency`, and what they agree on. Parent and child take the same
// turns in step: limit, measurement, limit; and each is bound to its core.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/stop_signal.hpp"
#include "metrics/histogram.hpp"
#include "perf/child.hpp"
#include "perf/limit.hpp"
#include "perf/placement.hpp"
#include "perf/shared.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::tools {

// What parent and child have agreed on before the fork.
struct LatencyPlan {
  size_t size_bytes = 0;
  uint64_t count = 0;
  uint64_t warm_up = 0;
  uint32_t limit_count = 0;  // rounds of the raw limit, each time
  uint32_t limit_warm_up = 0;
  double interval_ns = 0;  // 0: ping-pong
  Waiting waiting = Waiting::spin;
  std::vector<int> cores;  // the pinger's, the ponger's
  bool one_core = false;
  uint32_t runs = 1;
  std::string ping_topic, pong_topic;

  bool is_scheduled() const noexcept { return interval_ns > 0; }
};

struct LatencyBoard {  // shared by the two processes
  static constexpr uint32_t parties = 2;

  PingPongLines lines;
  alignas(128) Rendezvous rendezvous;
  metrics::Histogram scheduled_ns;  // the receiver's, of the current turn of a scheduled run
};

// What a run gave.
struct LatencyResult {
  std::unique_ptr<metrics::Histogram> measured_ns = std::make_unique<metrics::Histogram>();
  std::unique_ptr<metrics::Histogram> limit_ns = std::make_unique<metrics::Histogram>();
  double records_per_s = 0;
};

// The child: answers. Plays all runs, and returns.
void play_ponger(const LatencyPlan& plan, LatencyBoard& board, Bus bus);

// The parent: sends, and takes the time. Throws Failure if the child fails, or on a stop signal.
std::vector<LatencyResult> play_pinger(const LatencyPlan& plan, LatencyBoard& board, Bus& bus,
                                       Child& child, const StopSignal& stop);

}  // namespace ringmain::tools
