#include "client/remote_producer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace ringmain::client {
namespace {

[[noreturn]] void refuse_durable(const char* what) {
  throw Exception({ErrorCode::unsupported_version,
                   fmt::format("{}() reads the shared memory of a bus on this host, and this producer's Bus was opened "
                               "with BusOptions::bootstrap: use acks=all, whose acknowledgement waits for what the "
                               "topic's ack.durability says",
                               what)});
}

}  // namespace

RemoteProducer::RemoteProducer(std::vector<net::Endpoint> bootstrap, const std::string& client_id,
                               const Config& config)
    : settings_(RemoteProducerSettings::read(config)),
      client_id_(settings_.client_id.empty() ? client_id : settings_.client_id),
      partitioner_(make_partitioner(settings_.partitioner)),
      outbox_(settings_),
      topics_(std::move(bootstrap), client_id_, settings_,
              [this](const std::string& name, const RemoteTopics::Topic& topic) { learn(name, topic); }) {}

RemoteProducer::~RemoteProducer() {
  const std::int64_t now_ns = now_steady_ns();
  outbox_.await_settled(outbox_.hurry(), now_ns + settings_.max_block_ns);
  topics_.end();  // it makes senders, and they use it
  senders_.clear();
}

// On the thread of topics_.
void RemoteProducer::learn(const std::string& name, const RemoteTopics::Topic& topic) {
  if (topic.missing) return outbox_.fail_topic(name, *topic.missing);
  try {
    for (const std::int32_t leader : topic.leaders)
      if (leader >= 0 && !senders_.contains(leader)) add_sender(leader);
    outbox_.set_leaders(name, topic.leaders);
  } catch (const std::exception& error) {  // no thread or descriptor is left
    outbox_.fail_topic(name, {ErrorCode::io, fmt::format("cannot send to topic {}: {}", name, error.what())});
  }
}

void RemoteProducer::add_sender(std::int32_t broker) {
  if (senders_.size() >= kMostBrokers)
    throw Exception({ErrorCode::invalid_state, fmt::format("its partitions have more than {} leaders", kMostBrokers)});
  senders_[broker] = std::make_unique<BrokerSender>(broker, outbox_, topics_, client_id_, settings_);
}

// ---- sending

void RemoteProducer::add(const ProducerRecord& record, const DeliveryCallback& callback,
                         Outbox::Awaited* awaited) {
  const std::int64_t now_ns = now_steady_ns();
  const std::int32_t partition = choose(record, now_ns);
  if (outbox_.add(partition, record, callback, awaited, now_ns) == Outbox::Added::yes) return;
  for (const std::int64_t until_ns = now_ns + settings_.max_block_ns;;) {  // nobody else adds
    if (!outbox_.await_room(record, until_ns))
      throw Exception({ErrorCode::no_space,
                       fmt::format("the records that {}-{} and others wait for take all of buffer.memory ({} bytes), "
                                   "and none was acknowledged within max.block.ms",
                                   record.topic, partition, settings_.buffer_bytes)});
    if (outbox_.add(partition, record, callback, awaited, now_steady_ns()) == Outbox::Added::yes) return;
  }
}

std::int32_t RemoteProducer::choose(const ProducerRecord& record, std::int64_t now_ns) {
  std::int32_t partitions = count(record.topic, now_ns);
  if (record.partition == kAnyPartition) {
    const std::int32_t chosen = partitioner_->partition(record.topic, record.key, partitions);
    if (chosen >= 0 && chosen < partitions) return chosen;
    throw Exception({ErrorCode::invalid_argument,
                     fmt::format("the partitioner chose partition {} of topic {}, which has {}", chosen,
                                 record.topic, partitions)});
  }
  if (record.partition < 0)
    throw Exception({ErrorCode::invalid_argument, fmt::format("partition {} is negative", record.partition)});
  if (record.partition >= partitions)  // it may have been added since
    partitions = topics_.partitions_now(std::string(record.topic), now_ns + settings_.max_block_ns);
  if (record.partition < partitions) return record.partition;
  throw Exception({ErrorCode::unknown_topic_or_partition,
                   fmt::format("there is no partition {} of topic {}, which has {}", record.partition,
                               record.topic, partitions)});
}

std::int32_t RemoteProducer::count(std::string_view topic, std::int64_t now_ns) {
  const std::uint64_t generation = topics_.generation();
  auto found = counts_.find(topic);
  if (found != counts_.end() && found->second.generation == generation) return found->second.partitions;
  const std::string name(topic);
  const std::int32_t partitions = topics_.partitions(name, now_ns + settings_.max_block_ns);
  counts_[name] = {partitions, generation};
  return partitions;
}

RecordMetadata RemoteProducer::send_sync(const ProducerRecord& record) {
  Outbox::Awaited awaited;
  add(record, nullptr, &awaited);
  outbox_.await(awaited);
  report();
  if (awaited.error) throw Exception(*awaited.error);
  return awaited.metadata;
}

void RemoteProducer::send(const ProducerRecord& record, const DeliveryCallback& callback) {
  try {
    add(record, callback, nullptr);
  } catch (const Exception& refused) {
    const Error error{refused.code(), refused.what()};
    if (callback) callback({}, &error);
    return;
  }
  if (outbox_.has_settled() || !due_.empty()) report();
}

void RemoteProducer::send(const ProducerRecord& record) {
  send(record, [this](const RecordMetadata&, const Error* error) {
    if (error != nullptr && !failure_) failure_ = *error;
  });
  throw_failure();
}

void RemoteProducer::poll() { report(); }

void RemoteProducer::flush() {
  outbox_.await_settled(outbox_.hurry(), INT64_MAX);
  report();
  throw_failure();
}

// ---- reports

// Callbacks may send, and throw: what is due stays due then.
void RemoteProducer::report() {
  if (reporting_) return;
  reporting_ = true;
  const auto done = [this](void*) { reporting_ = false; };
  const std::unique_ptr<void, decltype(done)> leaving(this, done);
  outbox_.take_settled(due_, now_steady_ns());
  while (!due_.empty()) {
    if (reported_ == due_.front().records.size()) {
      due_.pop_front();
      reported_ = 0;
      continue;
    }
    const Outbox::Settled& batch = due_.front();
    const std::size_t index = reported_++;
    const GatheredBatch::Record& record = batch.records[index];
    if (!record.callback) continue;
    RecordMetadata metadata;
    if (!batch.error) {
      metadata.partition = batch.partition;
      if (batch.base_offset >= 0) metadata.offset = batch.base_offset + static_cast<std::int64_t>(index);
      metadata.timestamp_ns = batch.append_time_ns >= 0 ? batch.append_time_ns : record.timestamp_ns;
    }
    record.callback(metadata, batch.error ? &*batch.error : nullptr);
  }
}

void RemoteProducer::throw_failure() {
  if (failure_) throw Exception(*std::exchange(failure_, std::nullopt));
}

std::int64_t RemoteProducer::durable_offset(const TopicPartition&) { refuse_durable("durable_offset"); }

bool RemoteProducer::wait_durable(const TopicPartition&, std::int64_t, std::chrono::nanoseconds) {
  refuse_durable("wait_durable");
}

}  // namespace ringmain::client
