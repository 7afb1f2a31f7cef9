// Producer: chooses partitions, keeps an appender for each, reports deliveries.
#include "ringmain/producer.hpp"

#include <fmt/format.h>

#include "client/bus_impl.hpp"
#include "client/config.hpp"
#include "client/deliveries.hpp"
#include "client/topic_partitions.hpp"
#include "ringmain/appender.hpp"

namespace ringmain {

class Producer::Impl {
 public:
  Impl(Bus& bus, const Config& config)
      : bus_(Bus::Impl::share(bus.impl(), client::client_id_of(config))),
        settings_(config, "producer",
                  {"acks", "partitioner", "max.block.ms", "delivery.timeout.ms", "metadata.max.age.ms", "client.id"}),
        topics_(bus_.impl(), settings_.number("metadata.max.age.ms", 300'000, 0, kMaxMs)),
        deliveries_(settings_.number("delivery.timeout.ms", 120'000, 0, kMaxMs) * 1'000'000) {
    const std::string acks = settings_.choice("acks", "1", {"0", "1", "all", "-1"});
    acks_all_ = acks == "all" || acks == "-1";
    partitioner_ = make_partitioner(settings_.choice(
        "partitioner", "murmur2", {"murmur2", "crc32", "round-robin", "random", "sticky"}));
    options_.max_block = std::chrono::milliseconds(settings_.number("max.block.ms", 60'000, 0, kMaxMs));
  }

  void set_partitioner(std::unique_ptr<Partitioner> partitioner) { partitioner_ = std::move(partitioner); }

  // One host, one replica: a record is acknowledged once it is published in shared memory, or, if
  // `acks` and the topic ask for it, once it is on disk.
  RecordMetadata send_sync(const ProducerRecord& record) {
    const Sent sent = publish(record);
    if (sent.lane->waits_for_disk) [[unlikely]] {
      deliveries_.await(*sent.lane, sent.metadata);
      deliveries_.poll();
    }
    return sent.metadata;
  }

  void send(const ProducerRecord& record, const DeliveryCallback& callback) {
    Sent sent;
    try {
      sent = publish(record);
    } catch (const Exception& refused) {
      const Error error{refused.code(), refused.what()};
      if (callback) callback({}, &error);
      return;
    }
    if (sent.lane->waits_for_disk) [[unlikely]] {
      deliveries_.expect(*sent.lane, sent.metadata, callback);
      deliveries_.poll();
    } else if (callback) {
      callback(sent.metadata, nullptr);
    }
  }

  void poll() { deliveries_.poll(); }
  void flush() { deliveries_.flush(); }

  Appender& appender(const TopicPartition& partition) {
    if (partition.partition < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("partition {} is negative", partition.partition)});
    return lane_for(partition.topic, partition.partition).appender;
  }

 private:
  static constexpr std::int64_t kMaxMs = INT64_MAX / 2'000'000;

  using LanePointer = std::shared_ptr<client::Lane>;
  struct Sent {
    client::Lane* lane = nullptr;
    RecordMetadata metadata;
  };

  Sent publish(const ProducerRecord& record) {
    try {
      return publish_once(record);
    } catch (const Exception& error) {
      // The topic may have been deleted and made again since it was attached.
      const bool gone = error.code() == ErrorCode::unknown_topic_or_partition || error.code() == ErrorCode::closed;
      const auto lanes = lanes_.find(record.topic);
      if (!gone || lanes == lanes_.end()) throw;
      for (const LanePointer& lane : lanes->second)
        if (lane) deliveries_.give_up(*lane, {error.code(), error.what()});
      lanes_.erase(lanes);
      topics_.forget(record.topic);
      return publish_once(record);
    }
  }

  Sent publish_once(const ProducerRecord& record) {
    const std::int32_t partition = choose(record);
    client::Lane& lane = lane_for(record.topic, partition);
    const std::int64_t offset = lane.appender.append(record);
    return {&lane, {partition, offset, lane.appender.last_timestamp_ns()}};
  }

  std::int32_t choose(const ProducerRecord& record) {
    const std::int32_t partitions = topics_.count(record.topic);
    if (record.partition == kAnyPartition) {
      const std::int32_t chosen = partitioner_->partition(record.topic, record.key, partitions);
      if (chosen < 0 || chosen >= partitions)
        throw Exception({ErrorCode::invalid_argument,
                         fmt::format("the partitioner chose partition {} of topic {}, which has {}", chosen,
                                     record.topic, partitions)});
      return chosen;
    }
    if (record.partition < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("partition {} is negative", record.partition)});
    return record.partition;  // one that was added since is found when it is attached
  }

  client::Lane& lane_for(std::string_view topic, std::int32_t partition) {
    auto& lanes = lanes_[lookup(topic)];
    const auto index = static_cast<std::size_t>(partition);
    if (index < lanes.size() && lanes[index]) [[likely]]
      return *lanes[index];
    auto made = std::make_shared<client::Lane>(bus_, TopicPartition{std::string(topic), partition}, options_);
    made->waits_for_disk = acks_all_ && made->appender.is_persistent() && asks_for_disk(std::string(topic));
    if (index >= lanes.size()) lanes.resize(index + 1);
    lanes[index] = std::move(made);
    return *lanes[index];
  }

  // What acks=all means for a persistent topic: its setting ack.durability, disk unless it says memory.
  bool asks_for_disk(const std::string& topic) {
    for (const ConfigValue& config : bus_.admin().describe_configs(topic))
      if (config.name == "ack.durability") return config.value != "memory";
    return true;
  }

  const std::string& lookup(std::string_view topic) {
    if (topic != last_topic_) last_topic_ = topic;
    return last_topic_;
  }

  Bus bus_;  // our own: the user's may move or go
  client::ConfigReader settings_;
  client::TopicPartitions topics_;
  std::unique_ptr<Partitioner> partitioner_;
  AppenderOptions options_;
  std::string last_topic_;
  bool acks_all_ = false;
  std::map<std::string, std::vector<LanePointer>, std::less<>> lanes_;
  client::Deliveries deliveries_;
};

Producer::Producer(Bus& bus, const Config& config) : impl_(std::make_unique<Impl>(bus, config)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer::~Producer() = default;

void Producer::set_partitioner(std::unique_ptr<Partitioner> partitioner) {
  impl_->set_partitioner(std::move(partitioner));
}

RecordMetadata Producer::send_sync(const ProducerRecord& record) { return impl_->send_sync(record); }
void Producer::send(const ProducerRecord& record, const DeliveryCallback& callback) { impl_->send(record, callback); }
void Producer::poll() { impl_->poll(); }
void Producer::flush() { impl_->flush(); }

std::int64_t Producer::durable_offset(const TopicPartition& partition) {
  return impl_->appender(partition).durable_offset();
}
bool Producer::wait_durable(const TopicPartition& partition, std::int64_t offset, std::chrono::nanoseconds timeout) {
  return impl_->appender(partition).wait_durable(offset, timeout);
}

}  // namespace ringmain
