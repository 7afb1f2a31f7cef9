// The processes of `perf cold`: the parent writes the log, reads it, and appends; a child reads it
// cold while the parent's price of appending is taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "perf/child.hpp"
#include "perf/durable_plan.hpp"
#include "perf/shared.hpp"

namespace ringmain::tools {

struct ColdPlan {
  DurablePlan durable;        // size, window, runs, cores, settings of the topic
  uint64_t count = 0;         // records of the log, all of which leave memory
  uint64_t hot_count = 0;     // further ones, which push them out of it
  uint64_t append_count = 0;  // of one turn beside a reader; 0: without a producer
  std::string topic;
};

// Words that the two processes share.
struct ColdBoard {
  static constexpr uint32_t parties = 2;

  Rendezvous rendezvous;
  std::atomic<bool> reads{false};  // the child is to read cold
  std::atomic<bool> ends{false};
  std::atomic<uint64_t> records{0};  // that the child has read
};

struct ColdRun {
  double read_bytes_per_s = 0;   // of values, through a Reader
  double plain_bytes_per_s = 0;  // of the files, the mean of before and after
  // With a producer: records for each second of its CPU.
  double alone_per_cpu_s = 0;
  double beside_per_cpu_s = 0;
  double beside_read_bytes_per_s = 0;  // what the reader did meanwhile
};

// The child: reads the log again and again, while it is told to.
void read_on_demand(const ColdPlan& plan, ColdBoard& board, const BusOptions& bus_options);

// The parent. `child` is null without a producer.
std::vector<ColdRun> measure_cold(const ColdPlan& plan, ColdBoard& board, Child* child,
                                  const Surroundings& around);

}  // namespace ringmain::tools
