// Producer: chooses partitions, keeps an appender for each, reports deliveries.
#include "ringmain/producer.hpp"

#include <fmt/format.h>

#include "client/bus_impl.hpp"
#include "client/config.hpp"
#include "client/topic_partitions.hpp"
#include "ringmain/appender.hpp"

namespace ringmain {

class Producer::Impl {
 public:
  Impl(Bus& bus, const Config& config)
      : bus_(Bus::Impl::share(bus.impl(), client::client_id_of(config))),
        settings_(config, "producer", {"acks", "partitioner", "max.block.ms", "metadata.max.age.ms", "client.id"}),
        topics_(bus_.impl(), settings_.number("metadata.max.age.ms", 300'000, 0, kMaxMs)) {
    settings_.choice("acks", "1", {"0", "1", "all", "-1"});
    partitioner_ = make_partitioner(settings_.choice(
        "partitioner", "murmur2", {"murmur2", "crc32", "round-robin", "random", "sticky"}));
    options_.max_block = std::chrono::milliseconds(settings_.number("max.block.ms", 60'000, 0, kMaxMs));
  }

  void set_partitioner(std::unique_ptr<Partitioner> partitioner) { partitioner_ = std::move(partitioner); }

  // One host, one replica: once published in shared memory, a record is acknowledged whatever
  // `acks` asks for.
  RecordMetadata send(const ProducerRecord& record) {
    try {
      return send_once(record);
    } catch (const Exception& error) {
      // The topic may have been deleted and made again since it was attached.
      const bool gone = error.code() == ErrorCode::unknown_topic_or_partition || error.code() == ErrorCode::closed;
      if (!gone || !appenders_.contains(record.topic)) throw;
      appenders_.erase(appenders_.find(record.topic));
      topics_.forget(record.topic);
      return send_once(record);
    }
  }

 private:
  static constexpr std::int64_t kMaxMs = INT64_MAX / 2'000'000;

  RecordMetadata send_once(const ProducerRecord& record) {
    const std::int32_t partition = choose(record);
    Appender& appender = appender_for(record.topic, partition);
    const std::int64_t offset = appender.append(record);
    return {partition, offset, appender.last_timestamp_ns()};
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

  Appender& appender_for(std::string_view topic, std::int32_t partition) {
    auto& appenders = appenders_[lookup(topic)];
    const auto index = static_cast<std::size_t>(partition);
    if (index < appenders.size() && appenders[index]) [[likely]]
      return *appenders[index];
    auto made = std::make_unique<Appender>(bus_, TopicPartition{std::string(topic), partition}, options_);
    if (index >= appenders.size()) appenders.resize(index + 1);
    appenders[index] = std::move(made);
    return *appenders[index];
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
  std::map<std::string, std::vector<std::unique_ptr<Appender>>, std::less<>> appenders_;
};

Producer::Producer(Bus& bus, const Config& config) : impl_(std::make_unique<Impl>(bus, config)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer::~Producer() = default;

void Producer::set_partitioner(std::unique_ptr<Partitioner> partitioner) {
  impl_->set_partitioner(std::move(partitioner));
}

RecordMetadata Producer::send_sync(const ProducerRecord& record) { return impl_->send(record); }

void Producer::send(const ProducerRecord& record, const DeliveryCallback& callback) {
  RecordMetadata metadata;
  Error error;
  try {
    metadata = impl_->send(record);
  } catch (const Exception& refused) {
    error = {refused.code(), refused.what()};
  }
  if (callback) callback(metadata, error.code == ErrorCode::unknown && error.message.empty() ? nullptr : &error);
}

void Producer::poll() {}
void Producer::flush() {}

}  // namespace ringmain
