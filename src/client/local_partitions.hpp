// The partitions that a consumer reads from shared memory and disk, in place.
#pragma once

#include <memory>
#include <utility>

#include "client/assigned_partitions.hpp"
#include "client/partition_reader.hpp"
#include "client/sleeper.hpp"

namespace ringmain::client {

class LocalPartitions final : public AssignedPartitions {
 public:
  LocalPartitions(std::shared_ptr<BusConnection> bus, Reset reset, std::size_t max_records,
                  WaitStrategy wait)
      : AssignedPartitions(reset, max_records), bus_(std::move(bus)), sleeper_(wait) {}

  bool wait(const std::atomic<std::uint32_t>& signals, std::int64_t until_ns) override;
  void ring() noexcept override;

  std::int64_t start_offset(const TopicPartition& partition) override;
  std::int64_t end_offset(const TopicPartition& partition) override;
  std::optional<OffsetAndTimestamp> offset_for_time(const TopicPartition& partition,
                                                    std::int64_t timestamp_ms) override;
  std::int64_t durable_offset(const PartitionSource& source) override;
  std::int64_t log_start_offset(const PartitionSource& source) override;

 private:
  std::unique_ptr<PartitionSource> open_source(const TopicPartition& partition) override;
  void gather_from(std::vector<ConsumerRecord>& records, std::size_t first) override;
  bool is_ready() const;

  const std::shared_ptr<BusConnection> bus_;
  Sleeper sleeper_;
};

}  // namespace ringmain::client
