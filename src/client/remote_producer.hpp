// A Producer over TCP: send() puts records into an Outbox, which threads of its own empty; what
// became of them is told on the user's thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/broker_sender.hpp"
#include "client/outbox.hpp"
#include "client/producer_impl.hpp"
#include "client/remote_producer_settings.hpp"
#include "client/remote_topics.hpp"

namespace ringmain::client {

class RemoteProducer final : public Producer::Impl {
 public:
  // `client_id`: unless the settings name one. Throws Exception(invalid_config).
  RemoteProducer(std::vector<net::Endpoint> bootstrap, const std::string& client_id, const Config& config);
  ~RemoteProducer() override;

  void set_partitioner(std::unique_ptr<Partitioner> partitioner) override {
    partitioner_ = std::move(partitioner);
  }
  RecordMetadata send_sync(const ProducerRecord& record) override;
  void send(const ProducerRecord& record, const DeliveryCallback& callback) override;
  void send(const ProducerRecord& record) override;
  void poll() override;
  void flush() override;
  std::int64_t durable_offset(const TopicPartition& partition) override;
  bool wait_durable(const TopicPartition& partition, std::int64_t offset,
                    std::chrono::nanoseconds timeout) override;

 private:
  static constexpr std::size_t kMostBrokers = 1000;  // a thread each: what a broker claims is bounded

  struct Count {
    std::int32_t partitions = 0;
    std::uint64_t generation = 0;  // of topics_, when it was looked up
  };

  void add(const ProducerRecord& record, const DeliveryCallback& callback,
           Outbox::Awaited* awaited);
  std::int32_t choose(const ProducerRecord& record, std::int64_t now_ns);
  std::int32_t count(std::string_view topic, std::int64_t now_ns);
  void learn(const std::string& name, const RemoteTopics::Topic& topic);
  void add_sender(std::int32_t broker);
  void report();
  void throw_failure();

  const RemoteProducerSettings settings_;
  const std::string client_id_;
  std::unique_ptr<Partitioner> partitioner_;
  Outbox outbox_;
  std::map<std::int32_t, std::unique_ptr<BrokerSender>> senders_;  // of the thread of topics_, while that runs
  RemoteTopics topics_;

  // Of the user's thread.
  std::map<std::string, Count, std::less<>> counts_;
  std::deque<Outbox::Settled> due_;
  std::size_t reported_ = 0;       // of due_.front()
  bool reporting_ = false;         // a callback runs, and may send
  std::optional<Error> failure_;   // of a record without a callback
};

}  // namespace ringmain::client
