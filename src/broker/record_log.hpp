// One partition as Kafka clients use it: appends batches, reads, knows when to look again. It is a
// participant of the partition like any other, with a line among its producers and one among its
// readers, so that the next broker puts right what this one leaves. Broker's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "broker/log_source.hpp"
#include "broker/unpacked_batch.hpp"
#include "kafka/record_batch.hpp"
#include "log/broker_bell.hpp"
#include "log/shared_appender.hpp"
#include "partition/topic_config.hpp"

namespace ringmain::broker {

class RecordLog {
 public:
  // `bell`: rung when the partition needs upkeep. All are borrowed.
  RecordLog(partition::Partition& partition, const partition::TopicConfig& config,
            log::BrokerBell& bell, format::Readers& lines, segment::HeadCache& heads);
  // Gives its lines back; the partition is there yet.
  ~RecordLog();
  RecordLog(const RecordLog&) = delete;
  RecordLog& operator=(const RecordLog&) = delete;

  partition::Partition& partition() noexcept { return partition_; }
  LogSource& source() noexcept { return source_; }

  // Other settings of the topic, from the next batch on.
  void configure(const partition::TopicConfig& config) { config_ = config; }

  struct Placed {
    std::optional<std::uint64_t> base_offset;  // none: its records do not follow each other
    std::uint64_t end_offset = 0;
    std::int64_t log_append_time_ms = -1;  // -1: the records keep their own
  };
  // Whether the log takes such a batch at all. Errors: policy_violation, message_too_large.
  Status admits(const kafka::BatchHeader& header, std::size_t batch_bytes) const;
  // nullopt: there is no room now; then the same batch comes next, or give_up(). Errors:
  // unknown_topic_or_partition, kafka_storage_error, policy_violation (its producers are too many).
  // Requires admits().
  //   Death: what is claimed becomes filler, by the next broker; a published batch stays.
  Result<std::optional<Placed>> append(const kafka::BatchHeader& header,
                                       std::span<const std::byte> batch);
  void give_up() noexcept;

  // Whether acks=all waits for the disk here, and how far that is.
  bool waits_for_disk() const noexcept;
  std::uint64_t durable_offset() const noexcept;
  void wish_durable(std::uint64_t end_offset) noexcept;
  // What keeps records from becoming durable.
  std::optional<Error> storage_fault() const;

  // The sleeper's mark: producers of other processes ring kBroker's doorbell once there is
  // something new. mark(), then a barrier, then a last look. Errors: policy_violation (too many
  // readers).
  Status mark();
  void unmark() noexcept;
  bool is_marked() const noexcept;

 private:
  Status open_producer();
  log::ClaimOutcome claim(std::uint32_t bytes, std::uint32_t records, log::Claim& claim);
  Result<std::optional<Placed>> append_unpacked(std::span<const std::byte> batch);
  void after_publish() noexcept;
  Error gone() const;
  void write(const log::Claim& claim, const kafka::BatchHeader& header,
             std::span<const std::byte> batch, Placed& placed);

  partition::Partition& partition_;
  const log::PartitionView view_;
  partition::TopicConfig config_;
  log::BrokerBell& bell_;
  LogSource source_;
  log::Waker waker_;
  std::optional<std::uint32_t> producer_line_, reader_line_;
  std::optional<log::SharedAppender> appender_;
  std::optional<UnpackedBatch> unpacked_;  // of a compacted topic: the batch at hand, part of which may be in the log
  Placed unpacked_place_;
};

}  // namespace ringmain::broker
