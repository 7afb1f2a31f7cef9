// The partitions that Kafka clients use, each opened when one first asks. Broker's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "broker/record_log.hpp"
#include "broker/topics.hpp"

namespace ringmain::broker {

class RecordLogs {
 public:
  // `bell` is rung when some partition needs upkeep.
  RecordLogs(Topics& topics, log::BrokerBell& bell) : topics_(topics), bell_(bell) {}

  // Errors: unknown_topic_or_partition, and those of opening the partition.
  Result<RecordLog*> find(const std::string& topic, std::int32_t index);
  // nullptr: nobody has asked for it.
  RecordLog* opened(partition::Partition& partition) const;
  void close(partition::Partition& partition) { logs_.erase(&partition); }

 private:
  static constexpr std::size_t kCachedHeads = 1 << 16;  // 16 MiB, of 256 GiB of log in slots as they are by default

  Topics& topics_;
  log::BrokerBell& bell_;
  const std::unique_ptr<format::Readers> lines_ =
      std::make_unique<format::Readers>();  // for readers that need no pin
  segment::HeadCache heads_{kCachedHeads};
  std::unordered_map<partition::Partition*, std::unique_ptr<RecordLog>> logs_;
};

}  // namespace ringmain::broker
