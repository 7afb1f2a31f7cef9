// Sends records to topics.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "ringmain/bus.hpp"
#include "ringmain/partitioner.hpp"
#include "ringmain/record.hpp"

namespace ringmain {

// Called once for each record, on the producer's own thread, before send(), poll() or flush()
// returns. `error` is null when the record is acknowledged. With an error, the metadata's offset says
// whether it was published all the same: -1 if not. It may call send(), but not flush().
using DeliveryCallback = std::function<void(const RecordMetadata&, const Error* error)>;

// Settings (Kafka's names):
//   acks           1     0: nothing promised; 1: published in shared memory, survives the death of
//                        any process of the host; all (or -1): on every in-sync replica, and on disk
//                        if the topic is persistent, unless it has ack.durability=memory
//   delivery.timeout.ms 120000  how long acks=all waits for the disk
//   partitioner    murmur2   or crc32, round-robin, random, sticky
//   max.block.ms   60000     how long send() waits for memory
//   metadata.max.age.ms 300000  how old its view of a topic's partition count may be
//
// Thread safety: one thread at a time. A thread may have a Producer of its own; producers share
// the bus's mappings and cost little.
class Producer {
 public:
  // Throws Exception(invalid_config).
  explicit Producer(Bus& bus, const Config& config = {});
  Producer(Producer&&) noexcept;
  ~Producer();

  // Replaces the partitioner by one's own.
  void set_partitioner(std::unique_ptr<Partitioner> partitioner);

  // Sends and waits for the acknowledgement that `acks` asks for. Throws Exception:
  // unknown_topic_or_partition, message_too_large, no_space. With acks=all also, of a record that is
  // published and readable but not on disk: no_space (the disk is full), kafka_storage_error (the
  // disk fails), request_timed_out. Each names the partition and the offset.
  RecordMetadata send_sync(const ProducerRecord& record);

  // Sends; the callback reports the outcome: with acks=all, of many records that are outstanding at
  // once, in a later send(), poll() or flush(). Throws nothing that the callback can report.
  void send(const ProducerRecord& record, const DeliveryCallback& callback);
  // Sends; an error is thrown.
  void send(const ProducerRecord& record) { send_sync(record); }

  // Serves callbacks that are due.
  void poll();
  // Waits until every record sent is acknowledged or has failed. A Producer that is destroyed before
  // that loses no record, but the callbacks that are due then are not called.
  void flush();

  // Records below it are on disk, and survive loss of power; 0 in a memory topic. Throws Exception:
  // unknown_topic_or_partition.
  std::int64_t durable_offset(const TopicPartition& partition);
  // As Appender::wait_durable(): false: time is up. Throws Exception: no_space, kafka_storage_error,
  // invalid_state (a memory topic), unknown_topic_or_partition.
  bool wait_durable(const TopicPartition& partition, std::int64_t offset, std::chrono::nanoseconds timeout);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain
