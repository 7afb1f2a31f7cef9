// How many partitions topics have, remembered for metadata.max.age.ms.
#pragma once

#include <time.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "client/bus_impl.hpp"

namespace ringmain::client {

class TopicPartitions {
 public:
  TopicPartitions(Bus::Impl& bus, std::int64_t max_age_ms) : bus_(bus), max_age_ns_(max_age_ms * 1'000'000) {}

  // Throws Exception(unknown_topic_or_partition).
  std::int32_t count(std::string_view topic) {
    const auto found = known_.find(topic);
    if (found != known_.end() && coarse_now_ns() < found->second.until_ns) return found->second.partitions;
    // Publishing goes on without a broker, by what was known last.
    if (found != known_.end() && !bus_.connection->is_online()) return found->second.partitions;
    const std::int32_t partitions = bus_.admin.describe_topic(std::string(topic)).partitions;
    known_[std::string(topic)] = {partitions, coarse_now_ns() + max_age_ns_};
    return partitions;
  }
  void forget(std::string_view topic) {
    if (const auto found = known_.find(topic); found != known_.end()) known_.erase(found);
  }

 private:
  // Asked for every record, so by the kernel's coarse clock: some nanoseconds to read, and it moves
  // once in 1 to 10 ms.
  static std::int64_t coarse_now_ns() noexcept {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  struct Known {
    std::int32_t partitions = 0;
    std::int64_t until_ns = 0;
  };

  Bus::Impl& bus_;
  const std::int64_t max_age_ns_;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace ringmain::client
