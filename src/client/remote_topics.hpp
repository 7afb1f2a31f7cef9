// The topics that a producer over TCP sends to, as Metadata tells of them: how many partitions they
// have, and who leads each. A thread of its own asks: of a topic that nobody has named before, at
// once; after refresh(), soon; and of all of them every metadata.max.age.ms. Asking creates a topic
// that is not there, if the broker's auto.create.topics.enable says so. Thread safe.
//
//   unknown --asked, error 3 or 5--> asked again and again --partitions--> known
//                                            `--error 3 for kPatience--> missing, until it is named kPatience later
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/remote_connection.hpp"
#include "client/remote_producer_settings.hpp"
#include "kafka/generated/metadata.hpp"

namespace ringmain::client {

class RemoteTopics {
 public:
  struct Topic {
    std::vector<std::int32_t> leaders;  // by partition; kNoLeader; empty: nothing is known
    std::optional<Error> missing;       // it is not there, or not for us: final
  };
  static constexpr std::int32_t kNoLeader = -1;
  // What was told of a topic. On the thread that asks.
  using Told = std::function<void(const std::string& name, const Topic& topic)>;

  // `bootstrap`: who is asked first, one after the other; at least one.
  RemoteTopics(std::vector<net::Endpoint> bootstrap, std::string client_id,
               const RemoteProducerSettings& settings, Told told);
  ~RemoteTopics() { end(); }

  // Ends the thread: nothing is told any more.
  void end();

  // How many partitions it has. Waits until that is known. Throws Exception:
  // unknown_topic_or_partition, invalid_topic and others that are final; request_timed_out.
  std::int32_t partitions(const std::string& name, std::int64_t give_up_ns);
  // As above, but what is known was heard after this call.
  std::int32_t partitions_now(const std::string& name, std::int64_t give_up_ns);
  // Changes whenever something that partitions() says may have.
  std::uint64_t generation() const noexcept { return generation_; }

  // Somebody has met a leader that is none, or nobody where a broker should be.
  void refresh();

  // Where a broker is; nullopt: nobody has told of it.
  std::optional<net::Endpoint> endpoint(std::int32_t broker) const;

 private:
  // Kafka's brokers say that a topic is not there while they create it, and for some time after.
  static constexpr std::int64_t kPatienceNs = 3'000'000'000;

  struct Entry {
    Topic topic;
    bool is_wanted = true;  // somebody waits for it, or what is known is wrong
    std::uint64_t heard = 0;  // how many answers there were
    std::int64_t unknown_since_ns = 0;  // error 3, in a row
    std::int64_t missing_since_ns = 0;
    std::string trouble;    // why it is not known yet
  };

  std::int32_t await(const std::string& name, std::uint64_t heard, std::int64_t give_up_ns,
                     std::unique_lock<std::mutex>& lock);
  void run();
  bool is_asking_wanted() const;
  void ask();
  Status ask_about(const std::vector<std::string>& names);
  void learn(const kafka::MetadataResponse& response);
  void learn_topic(Entry& entry, const kafka::MetadataResponse::Topic& told);
  std::vector<net::Endpoint> addresses() const;

  const std::vector<net::Endpoint> bootstrap_;
  const std::string client_id_;
  const RemoteProducerSettings& settings_;
  const Told told_;
  Wake wake_;
  std::atomic<std::uint64_t> generation_{1};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable heard_;
  std::map<std::string, Entry> topics_;
  std::map<std::int32_t, net::Endpoint> brokers_;
  bool is_refresh_wanted_ = false;
  std::string trouble_;  // why nothing was heard last time; empty: something was

  // Of the thread that asks.
  std::optional<RemoteConnection> connection_;
  std::size_t next_address_ = 0;
  std::int32_t next_correlation_ = 1;
  std::thread thread_;
};

}  // namespace ringmain::client
