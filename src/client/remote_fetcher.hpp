// Gets records from the leaders of partitions over TCP, on a thread of its own, so that poll()
// waits for no broker, and the next records come while the last are being used.
//
// The polling thread orders: from this offset on, under this ticket. Each ticket is answered by one
// parcel: bytes, the place of a partition's start or end, or an error. A ticket that is ordered no
// more is forgotten, and what comes for it is the polling thread's to drop.
//
// One Fetch at a time is under way to each leader, for all partitions that are ordered of it. While
// a broker is away, or a partition has no leader, it is asked again, and nobody is told.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "client/broker_link.hpp"
#include "client/fetch_settings.hpp"
#include "client/remote_cluster.hpp"
#include "client/remote_leaders.hpp"
#include "kafka/generated/fetch.hpp"
#include "os/eventfd.hpp"

namespace ringmain::client {

// As ListOffsets has them.
inline constexpr std::int64_t kFromEnd = -1;
inline constexpr std::int64_t kFromStart = -2;

struct FetchOrder {
  TopicPartition partition;
  std::uint64_t ticket = 0;
  std::int64_t from = kFromEnd;  // an offset, or one of those: then the parcel says where that is
};

struct Parcel {
  TopicPartition partition;
  std::uint64_t ticket = 0;
  std::optional<std::int64_t> place;            // where the start or end is
  std::shared_ptr<const kafka::Bytes> message;  // holds the records
  std::span<const std::byte> records;           // batches; the last may be cut
  std::int64_t log_start_offset = -1;           // -1: not told
  std::optional<Error> error;
};

class RemoteFetcher {
 public:
  // `cluster` is this consumer's own: it is kept waiting by nobody else.
  RemoteFetcher(std::shared_ptr<RemoteCluster> cluster, std::string client_id,
                FetchSettings settings);
  ~RemoteFetcher();
  RemoteFetcher(const RemoteFetcher&) = delete;
  RemoteFetcher& operator=(const RemoteFetcher&) = delete;

  // ---- the polling thread

  // All that is wanted now. `others_are_full`: there are partitions of which no more is wanted
  // until what came is used, so an order for them may follow soon: no Fetch waits long at the
  // broker.
  void order(std::vector<FetchOrder> orders, bool others_are_full);
  // What has come since the last call, in that order.
  std::vector<Parcel> take();
  // Waits for parcels or one of the signals `ending`; false when time is up.
  bool wait(const std::atomic<std::uint32_t>& signals, std::uint32_t ending, std::int64_t until_ns);

  // ---- any thread

  void ring() noexcept;
  // Errors: unknown_topic_or_partition, and those of RemoteLeaders. Waits.
  Result<To> leader(const TopicPartition& partition) { return leaders_.leader(partition); }
  void forget_leader(const TopicPartition& partition) { leaders_.forget(partition); }

 private:
  using Asked = std::vector<FetchOrder>;
  struct Leader {
    std::unique_ptr<BrokerLink> link;
    Asked asked;  // by the Fetch under way; empty: none is
    std::int64_t asked_ns = 0;
    std::int64_t answer_due_ns = 0;
    std::int64_t next_ns = 0;  // no Fetch before that
    std::int64_t away_until_ns = 0;  // it could not be reached, and is not tried before that
    bool has_waited = false;   // the Fetch under way may have waited at the broker
  };

  void run();
  bool take_orders();
  void await_return(Leader& leader, std::int64_t tried_since_ns);
  bool is_due(const FetchOrder& order, std::int64_t now_ns) const;
  void place_orders(std::int64_t now_ns);
  void send_fetches(std::int64_t now_ns);
  void send_fetch(std::int32_t id, Asked wanted, std::int64_t now_ns);
  void wait_for_answers();
  void receive(Leader& leader);
  void take_answer(Leader& leader, Said<kafka::FetchResponse> said);
  void take_refusal(const FetchOrder& order, std::int16_t error);
  void give_up(Leader& leader);
  void fail_all(Leader& leader, const Error& error);
  // Its leader as far as that can be found; none: it is to be tried later, or was answered.
  std::optional<std::int32_t> leader_of(const FetchOrder& order);
  void later(const TopicPartition& partition);
  void deliver(Parcel parcel);
  void deliver(const FetchOrder& order, Error error);

  const std::shared_ptr<RemoteCluster> cluster_;
  const std::string client_id_;
  const FetchSettings settings_;
  RemoteLeaders leaders_;
  os::EventFd commands_;

  std::mutex mutex_;  // guards what the threads give each other
  std::condition_variable arrived_;
  std::optional<std::vector<FetchOrder>> ordered_;
  bool others_are_full_ = false;
  std::vector<Parcel> parcels_;
  bool closing_ = false;

  // The fetcher's thread's own.
  struct Progress {
    std::uint64_t done_ticket = 0;  // answered
    std::int64_t next_ns = 0;       // not asked before that
  };
  std::vector<FetchOrder> orders_;
  bool hurries_ = false;  // others_are_full_, of these orders
  std::map<TopicPartition, Progress> progress_;
  std::map<std::int32_t, Leader> at_leaders_;
  std::int64_t lookup_ns_ = 0;  // the cluster is not asked before that

  std::thread thread_;
};

}  // namespace ringmain::client
