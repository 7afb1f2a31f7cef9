// A producer that appends as fast as it goes and waits for its acknowledgements in a window: never
// more than so many bytes of its log are not durable yet.
#pragma once

#include <algorithm>
#include <cstdint>

#include "perf/durable_topic.hpp"
#include "perf/payload.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {

class DurableStream {
 public:
  DurableStream(const DurablePlan& plan, const Surroundings& around,
                const TopicPartition& partition)
      : around_(around),
        appender_(around.bus, partition),
        payload_(plan.size_bytes),
        window_records_(
            static_cast<int64_t>(std::max<uint64_t>(plan.window_bytes / plan.frame_bytes(), 1))),
        records_per_look_(std::max<uint64_t>(bytes_per_look / plan.frame_bytes(), 1)) {}

  // Returns when all of them are on disk. Each carries its number.
  void send(uint64_t count) {
    for (uint64_t left = count; left > 0;) {
      const uint64_t part = std::min(left, records_per_look_);
      for (uint64_t i = 0; i < part; ++i)
        last_offset_ = appender_.append(payload_.make({sequence_++, 0}));
      left -= part;
      stay_within_window();
    }
    await_durable(appender_, last_offset_, around_);
  }

  uint64_t sent() const noexcept { return sequence_; }
  Appender& appender() noexcept { return appender_; }

 private:
  static constexpr uint64_t bytes_per_look = 64 * 1024;

  // It waits until a quarter of the window is free: a wait for each record that becomes durable
  // would only measure waking up.
  void stay_within_window() {
    const int64_t behind = last_offset_ + 1 - appender_.durable_offset();
    if (behind <= window_records_) return;
    await_durable(appender_, last_offset_ - window_records_ / 4 * 3, around_);
    around_.check();
  }

  const Surroundings& around_;
  Appender appender_;
  Payload payload_;
  const int64_t window_records_;
  const uint64_t records_per_look_;
  uint64_t sequence_ = 0;
  int64_t last_offset_ = -1;
};

}  // namespace ringmain::tools
