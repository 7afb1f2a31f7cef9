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
// whether it was published all the same: -1 if not, or, over TCP, if nobody knows. It may call send(), but not flush().
using DeliveryCallback = std::function<void(const RecordMetadata&, const Error* error)>;

// Settings (Kafka's names):
//   acks           1     0: nothing promised; 1: published in shared memory, survives the death of
//                        any process of the host; all (or -1): on every in-sync replica, and on disk
//                        if the topic is persistent, unless it has ack.durability=memory
//   ack.durability topic     what an acknowledgement waits for, whatever the topic's setting of that name
//                        says: memory, or disk, with acks=1 as well
//   delivery.timeout.ms 120000  how long acks=all waits for the disk
//   partitioner    murmur2   or crc32, round-robin, random, sticky
//   max.block.ms   60000     how long send() waits for memory
//   compression.type none    or gzip, snappy, lz4, zstd: records are gathered into batches of Kafka's format, and
//                        compressed; native consumers and Kafka's read them alike
//   linger.ms      0     how long a record may wait for others of its partition, to go with them as one batch. With
//                        compression: 5
//   batch.size     16384     bytes of records, uncompressed, at which a batch goes at once. What the topic's
//                        max.message.bytes does not let in as one batch goes as several
//   metadata.max.age.ms 300000  how old its view of a topic's partition count may be
//
// Without linger.ms and compression.type each record goes into the log by itself, at once and in place: that has the
// lowest latency. With one of them, send() gathers, and a thread of the producer's own publishes what has waited for
// linger.ms; callbacks are called on the user's thread all the same. Of cleanup.policy=compact records go one by one
// and uncompressed always, but linger.
//
// Of a Bus that was opened with BusOptions::bootstrap: a producer of any Kafka broker, over TCP. What differs:
//   - Records always go in batches, one of a partition at a time: while it is on its way, the next one grows, up to
//     max.request.size. send() does not wait for the network, but for room in buffer.memory, and for a topic that it
//     does not know yet: up to max.block.ms. Errors of the broker come later, as with linger.ms.
//   - acks: 1: the leader has it; all: every in-sync replica has it, on disk where the topic asks for that; 0: it was
//     written to the socket, and its offset is not known (-1).
//   - A topic that is not there is created, if the broker's auto.create.topics.enable says so.
//   - What a broker cannot take at present (no leader, too few replicas), and what was on its way when a connection was
//     lost or request.timeout.ms passed, is sent again, until delivery.timeout.ms is over or `retries` are used up: in
//     the same order, but perhaps twice, since nobody knows whether the first time counted. With retries=0 nothing is
//     there twice, and such records are reported as failed, though they may be there.
//   - durable_offset() and wait_durable() throw Exception(unsupported_version), ack.durability is refused.
// It has these settings beside (docs/configuration.md): buffer.memory 33554432, max.request.size 1048576,
// max.in.flight.requests.per.connection 5, request.timeout.ms 30000, retries, retry.backoff.ms 100,
// retry.backoff.max.ms 1000.
//
// Thread safety: one thread at a time. A thread may have a Producer of its own; producers share
// the bus's mappings and cost little. Over TCP each has connections and threads of its own: one for metadata, and one for
// each broker that leads a partition.
class Producer {
 public:
  // Throws Exception(invalid_config).
  explicit Producer(Bus& bus, const Config& config = {});
  Producer(Producer&&) noexcept;
  ~Producer();

  // Replaces the partitioner by one's own.
  void set_partitioner(std::unique_ptr<Partitioner> partitioner);

  // Sends, with what was gathered for its partition before it, and waits for the acknowledgement that `acks` asks for. Throws Exception:
  // unknown_topic_or_partition, message_too_large, no_space. With acks=all also, of a record that is
  // published and readable but not on disk: no_space (the disk is full), kafka_storage_error (the
  // disk fails), request_timed_out. Each names the partition and the offset.
  RecordMetadata send_sync(const ProducerRecord& record);

  // Sends; the callback reports the outcome: with acks=all, of many records that are outstanding at
  // once, in a later send(), poll() or flush(). Throws nothing that the callback can report.
  void send(const ProducerRecord& record, const DeliveryCallback& callback);
  // Sends; an error is thrown: of a record that is gathered into a batch, by a later send() or flush().
  void send(const ProducerRecord& record);

  // Serves callbacks that are due.
  void poll();
  // Publishes what is gathered, and waits until every record sent is acknowledged or has failed. A Producer that is
  // destroyed before that publishes what it can (for up to max.block.ms), but calls no callbacks any more.
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
