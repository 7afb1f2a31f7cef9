// The partitions that a consumer reads over TCP.
#pragma once

#include <memory>

#include "client/assigned_partitions.hpp"
#include "client/remote_fetcher.hpp"
#include "client/remote_offsets.hpp"
#include "client/remote_partition.hpp"

namespace ringmain::client {

class RemotePartitions final : public AssignedPartitions {
 public:
  // `cluster` is this consumer's own.
  RemotePartitions(std::shared_ptr<RemoteCluster> cluster, const std::string& client_id,
                   FetchSettings settings, Reset reset, std::size_t max_records)
      : AssignedPartitions(reset, max_records),
        cluster_(cluster),
        fetcher_(std::move(cluster), client_id, settings) {}

  bool wait(const std::atomic<std::uint32_t>& signals, std::int64_t until_ns) override {
    return fetcher_.wait(signals, ~std::uint32_t{0}, until_ns);
  }
  void ring() noexcept override { fetcher_.ring(); }
  void settle(const std::atomic<std::uint32_t>& signals, std::uint32_t ending, os::Deadline deadline) override;

  std::int64_t start_offset(const TopicPartition& partition) override;
  std::int64_t end_offset(const TopicPartition& partition) override;
  std::optional<OffsetAndTimestamp> offset_for_time(const TopicPartition& partition,
                                                    std::int64_t timestamp_ms) override;
  std::int64_t durable_offset(const PartitionSource& source) override;
  std::int64_t log_start_offset(const PartitionSource& source) override;

 private:
  std::unique_ptr<PartitionSource> open_source(const TopicPartition& partition) override;
  void gather_from(std::vector<ConsumerRecord>& records, std::size_t first) override;
  void take_from(AssignedPartition& one, std::vector<ConsumerRecord>& records, std::size_t most);
  void take_parcels();
  void send_orders();
  FoundOffset look_up(const TopicPartition& partition, std::int64_t time);

  const std::shared_ptr<RemoteCluster> cluster_;
  std::uint64_t tickets_ = 0;
  std::uint64_t list_ = 0;  // number of the last list of orders
  std::size_t listed_ = 0;  // how many stood in it
  bool others_were_full_ = false;
  RemoteFetcher fetcher_;
};

}  // namespace ringmain::client
