// What the measurements of `perf durable` have in common.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/parse.hpp"
#include "cli/exit.hpp"
#include "cli/stop_signal.hpp"
#include "cli/text.hpp"
#include "format/frame.hpp"
#include "format/tail_word.hpp"
#include "perf/payload.hpp"
#include "perf/raw_disk.hpp"
#include "perf/report.hpp"
#include "ringmain/bus.hpp"

namespace ringmain::tools {

struct DurablePlan {
  size_t size_bytes = 0;
  uint64_t latency_count = 0;
  uint64_t throughput_count = 0;
  uint64_t publish_count = 0;
  uint64_t publish_per_s = 0;
  uint64_t window_bytes = 0;  // of the log, not durable yet, at the most
  GroupSize group;            // of the raw stream
  uint32_t runs = 1;
  std::vector<int> cores;  // the producer's, and the broker's if there are two
  Config topic_configs;

  uint64_t frame_bytes() const noexcept {
    return format::align_frame(static_cast<uint32_t>(format::kFrameHeaderBytes + size_bytes));
  }
};

// "--size": a record carries its number, and no slot holds a larger one.
inline size_t parse_record_size(const std::string& text) {
  const uint64_t size_bytes = parse_size_option("--size", text);
  if (size_bytes < Payload::min_bytes || size_bytes > format::kMaxSlotBytes)
    throw UsageError(
        fmt::format("--size must be from {} bytes, for the number that each record carries, to {}",
                    Payload::min_bytes, format_bytes(format::kMaxSlotBytes)));
  return size_bytes;
}

// What every loop needs now and then.
struct Surroundings {
  Bus& bus;
  const StopSignal& stop;
  Progress& progress;

  void check() const {
    if (stop.requested()) throw Failure("the measurement was interrupted: there is no result");
  }
};

}  // namespace ringmain::tools
