// Appends to one partition: the shortest way from a thread into the log.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ringmain/bus.hpp"
#include "ringmain/record.hpp"

namespace ringmain {

struct AppenderOptions {
  // How long an append waits for memory before it gives up with Exception(no_space).
  std::chrono::milliseconds max_block{60000};
};

class Claim;
namespace client {
struct Lane;
}

// One thread uses an Appender at a time. At most one Claim of it is open at any moment; a
// thread that needs several makes several appenders.
//
// Every append returns after the record is published (acks=1). Timestamps are taken from the
// clock unless given; in a burst they may lag by one tick of the kernel (docs/guarantees.md).
class Appender {
 public:
  // Throws Exception: unknown_topic_or_partition, exclusive_taken (the topic has
  // single.producer=true and one is attached), no_space.
  Appender(Bus& bus, const TopicPartition& partition, AppenderOptions options = {});
  Appender(Appender&&) noexcept;
  ~Appender();

  // Appends a value and returns its offset. Throws Exception: message_too_large, no_space (waited
  // max_block in vain), unknown_topic_or_partition (deleted meanwhile).
  std::int64_t append(Bytes value);
  std::int64_t append(const ProducerRecord& record);  // its topic and partition are ignored
  // Appends all of them with one claim, in order and with nothing between; returns the first
  // offset. Together they must fit into max_batch_bytes().
  std::int64_t append_batch(std::span<const Bytes> values);

  // As append(), but says nullopt at once where append() would wait.
  std::optional<std::int64_t> try_append(Bytes value);

  // Room for a value of up to `value_bytes`, without key or headers.
  Claim claim(std::size_t value_bytes);
  std::optional<Claim> try_claim(std::size_t value_bytes);

  // Whether the topic is persistent: whether its records go to disk, too.
  bool is_persistent() const noexcept;
  // Records below it are on disk, and survive loss of power; 0 in a memory topic. A load, no call.
  std::int64_t durable_offset() const noexcept;
  // Waits until the record with this offset, and all before it, are on disk; false: time is up.
  // Records that this appender has published are hurried there. Without a broker it waits for the
  // next one. Throws Exception: no_space (the disk is full), kafka_storage_error (the disk fails):
  // the record is published, readers see it, and it may become durable later; invalid_state (a
  // memory topic, or a claim of this appender is open), unknown_topic_or_partition (deleted).
  bool wait_durable(std::int64_t offset, std::chrono::nanoseconds timeout);
  // Asks that what this appender has published goes to disk at once, and waits for nothing.
  void request_durable();

  std::size_t max_record_bytes() const noexcept;
  std::size_t max_batch_bytes() const noexcept;
  const TopicPartition& partition() const noexcept;
  // Of the record appended last.
  std::int64_t last_timestamp_ns() const noexcept;

  class Impl;

 private:
  friend struct client::Lane;
  // One frame, which takes an offset for each of the batch's records; gives the first.
  std::int64_t append_record_batch(std::span<const std::byte> batch, std::uint32_t records);

  std::unique_ptr<Impl> impl_;
};

// Room for one record in the shared log, owned until it is committed or aborted (the destructor
// aborts). Its bytes are the log's own memory: what is written there is never copied.
class Claim {
 public:
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&&) = delete;
  ~Claim();

  std::span<std::byte> value() noexcept { return value_; }
  std::int64_t offset() const noexcept { return offset_; }

  // Publishes the record, or its first `value_bytes` bytes. Acknowledged as acks=1: it survives
  // the death of any process of this host.
  void commit() { commit(value_.size()); }
  void commit(std::size_t value_bytes);
  // Gives the room back; the offset stays void and readers skip it.
  void abort();

 private:
  friend class Appender;
  Claim(Appender::Impl& appender, std::span<std::byte> value, std::int64_t offset) noexcept
      : appender_(&appender), value_(value), offset_(offset) {}
  Appender::Impl* appender_;  // null once committed or aborted
  std::span<std::byte> value_;
  std::int64_t offset_;
};

}  // namespace ringmain
