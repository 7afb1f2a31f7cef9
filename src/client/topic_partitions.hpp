// How many partitions topics have, remembered for metadata.max.age.ms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "client/bus_impl.hpp"

namespace ringmain::client {

class TopicPartitions {
 public:
  TopicPartitions(Bus::Impl& bus, std::int64_t max_age_ms) : bus_(bus), max_age_ns_(max_age_ms * 1'000'000) {}

  // Throws Exception(unknown_topic_or_partition).
  std::int32_t count(std::string_view topic) {
    const auto found = known_.find(topic);
    // A clock read a record would cost more than the record: look at the age now and then.
    if (found != known_.end() && (++uses_ % kUsesPerLook != 0 || now_steady_ns() < found->second.until_ns))
      return found->second.partitions;
    // Publishing goes on without a broker, by what was known last.
    if (found != known_.end() && !bus_.connection->is_online()) return found->second.partitions;
    const std::int32_t partitions = bus_.admin.describe_topic(std::string(topic)).partitions;
    known_[std::string(topic)] = {partitions, now_steady_ns() + max_age_ns_};
    return partitions;
  }
  void forget(std::string_view topic) {
    if (const auto found = known_.find(topic); found != known_.end()) known_.erase(found);
  }

 private:
  static constexpr std::uint32_t kUsesPerLook = 256;
  struct Known {
    std::int32_t partitions = 0;
    std::int64_t until_ns = 0;
  };

  Bus::Impl& bus_;
  const std::int64_t max_age_ns_;
  std::uint32_t uses_ = 0;
  std::map<std::string, Known, std::less<>> known_;
};

}  // namespace ringmain::client
