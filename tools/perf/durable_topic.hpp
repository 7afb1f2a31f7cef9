// A benchmark's topic that lies on disk: made for it, and deleted with its files after it.
#pragma once

#include <chrono>

#include "perf/durable_plan.hpp"
#include "perf/topic_guard.hpp"
#include "ringmain/appender.hpp"

namespace ringmain::tools {

class DurableTopic {
 public:
  DurableTopic(Bus& bus, std::string name, Config configs)
      : partition_{name, 0}, guard_(bus, std::move(name), on_disk(std::move(configs))) {}

  const TopicPartition& partition() const noexcept { return partition_; }

 private:
  static Config on_disk(Config configs) {
    configs["storage"] = "disk";
    return configs;
  }

  TopicPartition partition_;
  TopicGuard guard_;
};

// Until the record is on disk; throws as wait_durable() does, or on a stop signal.
inline void await_durable(Appender& appender, int64_t offset, const Surroundings& around) {
  while (!appender.wait_durable(offset, std::chrono::milliseconds(100))) around.check();
}

}  // namespace ringmain::tools
