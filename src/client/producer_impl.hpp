// What stands behind a Producer: one of a bus on this host (producer.cpp), or one over TCP
// (remote_producer.hpp). Which, is decided when it is made.
#pragma once

#include "ringmain/producer.hpp"

namespace ringmain {

class Producer::Impl {
 public:
  virtual ~Impl() = default;

  virtual void set_partitioner(std::unique_ptr<Partitioner> partitioner) = 0;
  virtual RecordMetadata send_sync(const ProducerRecord& record) = 0;
  virtual void send(const ProducerRecord& record, const DeliveryCallback& callback) = 0;
  virtual void send(const ProducerRecord& record) = 0;
  virtual void poll() = 0;
  virtual void flush() = 0;
  virtual std::int64_t durable_offset(const TopicPartition& partition) = 0;
  virtual bool wait_durable(const TopicPartition& partition, std::int64_t offset,
                            std::chrono::nanoseconds timeout) = 0;
};

}  // namespace ringmain
