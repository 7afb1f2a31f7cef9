// The partitions that a producer sends to: an appender for each, and what its topic asks for. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/wire_types.hpp"
#include "ringmain/appender.hpp"
#include "ringmain/producer.hpp"

namespace ringmain::client {

struct Lane : std::enable_shared_from_this<Lane> {
  struct Waiting {
    RecordMetadata metadata;
    DeliveryCallback callback;
    std::int64_t deadline_ns = 0;  // of the steady clock
  };

  Lane(Bus& bus, TopicPartition partition, AppenderOptions options)
      : appender(bus, partition, options) {}

  // A batch of Kafka's format, as one frame. Gives the first offset.
  std::int64_t append_batch(const kafka::Bytes& batch, std::uint32_t records) {
    return appender.append_record_batch(batch, records);
  }

  Appender appender;
  bool waits_for_disk = false;    // acks=all, and the topic asks for the disk
  bool is_compacted = false;      // record by record, so it takes no batches
  std::deque<Waiting> waiting{};  // by offset
};

// Where a record went.
struct Sent {
  Lane* lane = nullptr;
  RecordMetadata metadata;
};

class Lanes {
 public:
  struct Options {
    bool acks_all = false;
    std::string durability;  // the producer's ack.durability: topic, memory, disk
    bool makes_batches = false;
    AppenderOptions appender;
  };
  using Topic = std::vector<std::shared_ptr<Lane>>;  // by partition; null: not used yet

  Lanes(Bus& bus, Options options) : bus_(bus), options_(std::move(options)) {}

  // Attaches to the partition when it is used first. Throws as Appender does, and Exception(invalid_config):
  // ack.durability=disk for a topic in memory.
  Lane& of(std::string_view topic, std::int32_t partition) {
    if (last_ == nullptr || topic != last_topic_) {
      last_topic_ = topic;
      last_ = &topics_[last_topic_];
    }
    const auto index = static_cast<std::size_t>(partition);
    if (index < last_->size() && (*last_)[index]) [[likely]]
      return *(*last_)[index];
    return open(index);
  }
  // The topic's lanes, which are not this one's any more.
  Topic forget(std::string_view topic);

 private:
  Lane& open(std::size_t partition);
  bool waits_for_disk(const Lane& lane, std::string_view topic_durability) const;

  Bus& bus_;
  const Options options_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::string last_topic_;
  Topic* last_ = nullptr;  // of last_topic_
};

}  // namespace ringmain::client
