// Producer of a bus on this host: chooses partitions, publishes or gathers batches, reports
// deliveries. Over TCP: remote_producer.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "client/batch_appender.hpp"
#include "client/batcher.hpp"
#include "client/bus_impl.hpp"
#include "client/config.hpp"
#include "client/deliveries.hpp"
#include "client/lanes.hpp"
#include "client/producer_impl.hpp"
#include "client/remote_producer.hpp"
#include "client/topic_partitions.hpp"

namespace ringmain {
namespace {

constexpr std::int64_t kMaxMs = INT64_MAX / 2'000'000;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kCompressedLingerMs = 5;  // unless the user says otherwise

class LocalProducer final : public Producer::Impl {
 public:
  LocalProducer(Bus& bus, const Config& config)
      : bus_(Bus::Impl::share(bus.impl(), client::client_id_of(config))),
        settings_(config, "producer",
                  {"acks", "ack.durability", "partitioner", "max.block.ms", "delivery.timeout.ms",
                   "metadata.max.age.ms", "client.id", "linger.ms", "batch.size", "compression.type"}),
        codec_(codec_of(settings_)),
        topics_(bus_.impl(), settings_.number("metadata.max.age.ms", 300'000, 0, kMaxMs)),
        partitioner_(make_partitioner(settings_.choice(
            "partitioner", "murmur2", {"murmur2", "crc32", "round-robin", "random", "sticky"}))),
        batcher_(batcher_of(settings_, codec_)),
        lanes_(bus_, lane_options(settings_, batcher_.has_value())),
        deliveries_(settings_.number("delivery.timeout.ms", 120'000, 0, kMaxMs) * kNsPerMs) {
    if (batcher_) linger_ = std::thread([this] { linger(); });
  }

  ~LocalProducer() override {
    if (!batcher_) return;
    {
      const std::unique_lock lock = enter();
      closing_ = true;
      publish_all();
    }
    due_.notify_one();
    linger_.join();
  }

  void set_partitioner(std::unique_ptr<Partitioner> partitioner) override { partitioner_ = std::move(partitioner); }

  // One host, one replica: a record is acknowledged once it is published in shared memory, or, if
  // `acks` and the topic ask for it, once it is on disk.
  RecordMetadata send_sync(const ProducerRecord& record) override {
    std::unique_lock lock = enter();
    const Sent sent = batcher_ ? publish_in_batch(record) : publish(record);
    if (sent.lane->waits_for_disk) [[unlikely]] {
      deliveries_.await(*sent.lane, sent.metadata);
      deliveries_.poll();
      report(lock);
    }
    return sent.metadata;
  }

  void send(const ProducerRecord& record, const DeliveryCallback& callback) override {
    std::unique_lock lock = enter();
    Sent sent;
    try {
      if (batcher_) [[unlikely]]
        gather(record, callback);
      else
        sent = publish(record);
    } catch (const Exception& refused) {
      const Error error{refused.code(), refused.what()};
      if (batcher_) lock.unlock();
      if (callback) callback({}, &error);
      return;
    }
    if (!batcher_) {
      if (!sent.lane->waits_for_disk) [[likely]] {
        if (callback) callback(sent.metadata, nullptr);
        return;
      }
      deliveries_.expect(*sent.lane, sent.metadata, callback);
    }
    deliveries_.poll();
    report(lock);
  }

  // Of a record in a batch the error is known later.
  void send(const ProducerRecord& record) override {
    if (!batcher_) [[likely]] {
      send_sync(record);
      return;
    }
    send(record, [this](const RecordMetadata&, const Error* error) {
      if (error != nullptr && !failure_) failure_ = *error;
    });
    throw_failure();
  }

  void poll() override {
    std::unique_lock lock = enter();
    deliveries_.poll();
    report(lock);
  }
  void flush() override {
    {
      std::unique_lock lock = enter();
      if (batcher_) publish_all();
      deliveries_.flush();
      report(lock);
    }
    throw_failure();
  }

  std::int64_t durable_offset(const TopicPartition& partition) override {
    const std::unique_lock lock = enter();
    return lane_named(partition).appender.durable_offset();
  }
  bool wait_durable(const TopicPartition& partition, std::int64_t offset, std::chrono::nanoseconds timeout) override {
    const std::unique_lock lock = enter();
    return lane_named(partition).appender.wait_durable(offset, timeout);
  }

 private:
  using Sent = client::Sent;

  static kafka::Compression codec_of(const client::ConfigReader& settings) {
    const std::string name = settings.choice("compression.type", "none", {"none", "gzip", "snappy", "lz4", "zstd"});
    for (const auto codec : {kafka::Compression::gzip, kafka::Compression::snappy, kafka::Compression::lz4, kafka::Compression::zstd})
      if (name == kafka::compression_name(codec)) return codec;
    return kafka::Compression::none;
  }

  // None: neither is asked for, and each record goes in by itself.
  static std::optional<client::Batcher> batcher_of(const client::ConfigReader& settings, kafka::Compression codec) {
    const bool compresses = codec != kafka::Compression::none;
    std::int64_t linger_ms = settings.number("linger.ms", 0, 0, kMaxMs);
    if (compresses && !settings.has("linger.ms")) linger_ms = kCompressedLingerMs;
    const std::int64_t bytes = settings.number("batch.size", 16384, 0, INT32_MAX);
    if (linger_ms == 0 && !compresses) return std::nullopt;
    return client::Batcher(linger_ms * kNsPerMs, static_cast<std::size_t>(bytes));
  }

  static client::Lanes::Options lane_options(const client::ConfigReader& settings, bool makes_batches) {
    client::Lanes::Options options;
    const std::string acks = settings.choice("acks", "1", {"0", "1", "all", "-1"});
    options.acks_all = acks == "all" || acks == "-1";
    options.durability = settings.choice("ack.durability", "topic", {"topic", "memory", "disk"});
    options.makes_batches = makes_batches;
    options.appender.max_block = std::chrono::milliseconds(settings.number("max.block.ms", 60'000, 0, kMaxMs));
    if (options.durability == "disk" && acks == "0")
      throw Exception({ErrorCode::invalid_config, "ack.durability=disk: with acks=0 nothing is waited for; set acks to 1 or all"});
    return options;
  }

  // There is a second thread only if batches linger.
  std::unique_lock<std::mutex> enter() {
    std::unique_lock lock(mutex_, std::defer_lock);
    if (batcher_) [[unlikely]]
      lock.lock();
    return lock;
  }

  // ---- records one by one

  Sent publish(const ProducerRecord& record) {
    return on_living_topic(record.topic, [&]() -> Sent {
      const std::int32_t partition = choose(record);
      client::Lane& lane = lanes_.of(record.topic, partition);
      const std::int64_t offset = lane.appender.append(record);
      return {&lane, {partition, offset, lane.appender.last_timestamp_ns()}};
    });
  }

  // The topic may have been deleted and made again since it was attached: then it is attached anew.
  template <class Attempt>
  Sent on_living_topic(std::string_view topic, const Attempt& attempt) {
    try {
      return attempt();
    } catch (const Exception& error) {
      const bool gone = error.code() == ErrorCode::unknown_topic_or_partition || error.code() == ErrorCode::closed;
      if (!gone) throw;
      const auto lanes = lanes_.forget(topic);
      if (lanes.empty()) throw;
      for (const auto& lane : lanes)
        if (lane) deliveries_.give_up(*lane, {error.code(), error.what()});
      topics_.forget(topic);
      return attempt();
    }
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
    check_index(record.partition);
    return record.partition;  // one that was added since is found when it is attached
  }

  client::Lane& lane_named(const TopicPartition& partition) {
    check_index(partition.partition);
    return lanes_.of(partition.topic, partition.partition);
  }
  static void check_index(std::int32_t partition) {
    if (partition < 0)
      throw Exception({ErrorCode::invalid_argument, fmt::format("partition {} is negative", partition)});
  }

  // ---- batches

  void gather(const ProducerRecord& record, const DeliveryCallback& callback) {
    const auto due_before = batcher_->next_due_ns();
    batcher_->add(choose(record), record, callback);
    publish_due();
    if (!due_before && batcher_->next_due_ns()) due_.notify_one();
  }

  // With what was gathered before it for that partition.
  Sent publish_in_batch(const ProducerRecord& record) {
    const TopicPartition partition{std::string(record.topic), choose(record)};
    batcher_->add(partition.partition, record, nullptr);
    Published published;
    while (auto batch = batcher_->take(partition)) published = publish(std::move(*batch));
    if (published.error) throw Exception(*published.error);
    return published.last;
  }

  void publish_due() {
    while (auto batch = batcher_->take_due(now_steady_ns())) publish(std::move(*batch));
  }
  void publish_all() {
    while (auto batch = batcher_->take()) publish(std::move(*batch));
  }

  struct Published {
    Sent last;                   // of the batch's records
    std::optional<Error> error;  // why the last one, at least, was refused
  };

  // What becomes of each record is told to deliveries_.
  Published publish(client::Batcher::Batch batch) {
    client::BatchAppender appender(std::move(batch), codec_, deliveries_);
    const TopicPartition& to = appender.partition();
    try {
      const Sent last = on_living_topic(to.topic, [&] { return appender.append_to(lanes_.of(to.topic, to.partition)); });
      return {last, std::nullopt};
    } catch (const Exception& refused) {
      const Error error{refused.code(), refused.what()};
      appender.refuse_rest(error);
      return {{}, error};
    }
  }

  void linger() {
    std::unique_lock lock(mutex_);
    while (!closing_) {
      publish_due();
      const auto due_ns = batcher_->next_due_ns();
      if (due_ns)
        due_.wait_for(lock, std::chrono::nanoseconds(std::max<std::int64_t>(*due_ns - now_steady_ns(), 0)));
      else
        due_.wait(lock);
    }
  }

  // ---- reports

  // Callbacks may send, and throw: what is due stays due then.
  void report(std::unique_lock<std::mutex>& lock) {
    if (reporting_) return;
    reporting_ = true;
    const auto done = [this](void*) { reporting_ = false; };
    const std::unique_ptr<void, decltype(done)> leaving(this, done);
    while (const auto report = deliveries_.next_report()) {
      if (!report->callback) continue;
      if (batcher_) lock.unlock();
      report->callback(report->metadata, report->error ? &*report->error : nullptr);
      if (batcher_) lock.lock();
    }
  }

  void throw_failure() {
    if (failure_) throw Exception(*std::exchange(failure_, std::nullopt));
  }

  Bus bus_;  // our own: the user's may move or go
  client::ConfigReader settings_;
  const kafka::Compression codec_;
  client::TopicPartitions topics_;
  std::unique_ptr<Partitioner> partitioner_;

  // With batches, guards all that follows, but for the last two, which are the user's thread's.
  std::mutex mutex_;
  std::optional<client::Batcher> batcher_;
  client::Lanes lanes_;
  client::Deliveries deliveries_;
  bool closing_ = false;
  std::condition_variable due_;
  std::thread linger_;
  bool reporting_ = false;        // a callback runs, and may send
  std::optional<Error> failure_;  // of a record without a callback
};

std::unique_ptr<Producer::Impl> make_producer(Bus& bus, const Config& config) {
  if (const auto& remote = bus.impl().remote)
    return std::make_unique<client::RemoteProducer>(remote->addresses(), remote->client_id(), config);
  return std::make_unique<LocalProducer>(bus, config);
}

}  // namespace

Producer::Producer(Bus& bus, const Config& config) : impl_(make_producer(bus, config)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer::~Producer() = default;

void Producer::set_partitioner(std::unique_ptr<Partitioner> partitioner) {
  impl_->set_partitioner(std::move(partitioner));
}

RecordMetadata Producer::send_sync(const ProducerRecord& record) { return impl_->send_sync(record); }
void Producer::send(const ProducerRecord& record, const DeliveryCallback& callback) { impl_->send(record, callback); }
void Producer::send(const ProducerRecord& record) { impl_->send(record); }
void Producer::poll() { impl_->poll(); }
void Producer::flush() { impl_->flush(); }

std::int64_t Producer::durable_offset(const TopicPartition& partition) { return impl_->durable_offset(partition); }
bool Producer::wait_durable(const TopicPartition& partition, std::int64_t offset, std::chrono::nanoseconds timeout) {
  return impl_->wait_durable(partition, offset, timeout);
}

}  // namespace ringmain
