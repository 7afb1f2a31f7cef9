// A topic of a benchmark: made for it, and deleted after it, however it ends.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <string>

#include "ringmain/bus.hpp"

namespace ringmain::tools {

class TopicGuard {
 public:
  TopicGuard(Bus& bus, std::string name, Config configs) : bus_(bus), name_(std::move(name)) {
    NewTopic topic;
    topic.name = name_;
    topic.partitions = 1;
    topic.configs = std::move(configs);
    bus_.admin().create_topic(topic);
  }
  ~TopicGuard() {
    try {
      bus_.admin().delete_topic(name_);
    } catch (const std::exception&) {  // the broker is gone: the result counts, not the rest
    }
  }
  TopicGuard(const TopicGuard&) = delete;
  TopicGuard& operator=(const TopicGuard&) = delete;

 private:
  Bus& bus_;
  std::string name_;
};

// Unlike any other benchmark's on this bus: "perf-latency-4711-ping".
inline std::string perf_topic_name(std::string_view benchmark, std::string_view role) {
  return fmt::format("perf-{}-{}-{}", benchmark, ::getpid(), role);
}

}  // namespace ringmain::tools
