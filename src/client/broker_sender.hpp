// Carries batches of an Outbox to one broker, in Produce requests, and brings back what became of
// them. A thread of its own, so that a broker that does not answer stops no other.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/outbox.hpp"
#include "client/pipelined_connection.hpp"
#include "client/remote_topics.hpp"
#include "kafka/generated/produce.hpp"

namespace ringmain::client {

class BrokerSender {
 public:
  BrokerSender(std::int32_t broker, Outbox& outbox, RemoteTopics& topics, std::string client_id,
               const RemoteProducerSettings& settings);
  // What is on its way stays unsettled.
  ~BrokerSender();

 private:
  using Batches = std::vector<Outbox::BatchPointer>;
  struct Request {
    kafka::RequestOptions options;
    std::int64_t give_up_ns = 0;
    Batches batches;
  };

  void run();
  void connect();
  void send_ready();
  Status send(Batches batches);
  void seal(Batches& batches);
  Status exchange(std::int64_t until_ns);
  Status receive();
  void settle(Outbox::BatchPointer batch, const kafka::ProduceResponse::PartitionResponse* answer);
  void settle(Request request, const kafka::ProduceResponse& response);
  void fail_all(const Error& error);

  const std::int32_t broker_;
  Outbox& outbox_;
  RemoteTopics& topics_;
  const std::string client_id_;
  const RemoteProducerSettings& settings_;
  Wake wake_;

  // Of the thread.
  std::deque<Request> sent_;  // the oldest first
  std::optional<PipelinedConnection> connection_;  // refers to what sent_ holds
  std::int32_t next_correlation_ = 1;
  int connect_failures_ = 0;
  std::thread thread_;
};

}  // namespace ringmain::client
