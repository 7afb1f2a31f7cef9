// Sends records to topics.
#pragma once

#include <functional>
#include <memory>

#include "ringmain/bus.hpp"
#include "ringmain/partitioner.hpp"
#include "ringmain/record.hpp"

namespace ringmain {

// Called once for each record, on the producer's own thread, before send(), poll() or flush()
// returns. `error` is null when the record is acknowledged.
using DeliveryCallback = std::function<void(const RecordMetadata&, const Error* error)>;

// Settings (Kafka's names):
//   acks           1     0: nothing promised; 1: published in shared memory, survives the death of
//                        any process of the host; all: on every in-sync replica
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
  // unknown_topic_or_partition, message_too_large, no_space.
  RecordMetadata send_sync(const ProducerRecord& record);

  // Sends; the callback reports the outcome. Throws nothing that the callback can report.
  void send(const ProducerRecord& record, const DeliveryCallback& callback);
  // Sends; an error is thrown.
  void send(const ProducerRecord& record) { send_sync(record); }

  // Serves callbacks that are due.
  void poll();
  // Waits until every record sent is acknowledged or has failed.
  void flush();

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain
