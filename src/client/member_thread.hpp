// A member of a group of consumers: joins, gets its part, sends heartbeats, and notices when it is
// out. All of that on a thread of its own, so that it goes on while the polling thread works, and
// over sockets of its own. It decides nothing about records: the polling thread says when to join
// (it has to give up partitions before), and takes the news.
//
//   idle --join()--> joining --> syncing --> member --the group rebalances--> told --join()--> ...
//                                               any of them --out of the group--> idle
//
// On the bus's host heartbeats wait at the broker (AwaitRebalance) until there is something to
// tell, so a rebalance is known at once. Over TCP they are Kafka's own, one every
// heartbeat.interval.ms. When the broker dies or coordinates the group no longer, all is asked
// again of whoever does.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/broker_link.hpp"
#include "client/group_protocol.hpp"
#include "client/group_settings.hpp"
#include "kafka/generated/await_rebalance.hpp"
#include "os/eventfd.hpp"

namespace ringmain::client {

// Who a member is in its group.
struct Membership {
  std::string member;
  std::int32_t generation = -1;
};

// What a generation gives a member.
struct GroupPart {
  Membership me;
  std::vector<TopicPartition> partitions;
  // The leader's: how many partitions the group's topics had (0: no such topic), as it shared out.
  std::optional<PartitionCounts> counts;
};

// What the polling thread has to know. `lost` comes before `part`.
struct GroupNews {
  std::optional<Error> lost;  // what the member holds may be others' by now
  bool is_fatal = false;      // and it does not come back by joining again
  bool still_joins = false;   // and the join under way goes on
  bool rebalance = false;     // it is to join again
  std::optional<GroupPart> part;
};

class MemberThread {
 public:
  // `tell` is called by the member's thread whenever there is news.
  MemberThread(std::shared_ptr<LinkPeer> coordinator, const std::string& client_id,
               GroupSettings settings, std::function<void()> tell);
  // Ends the thread. Who has not left is noticed by the bus's broker from its sockets; over TCP,
  // and where it is a static member, it keeps its place for its session.
  ~MemberThread();
  MemberThread(const MemberThread&) = delete;
  MemberThread& operator=(const MemberThread&) = delete;

  // ---- the polling thread. After each join() comes one `part`, or `lost`.
  void join(JoinOrder order);
  // Also says that somebody polls: see max.poll.interval.ms.
  GroupNews take_news();
  // Ends the thread, and says good-bye (a static member does not).
  void leave(os::Deadline deadline);

 private:
  enum class Phase { idle, to_join, joining, syncing, member, told };
  using Answer = std::int16_t;  // an error code

  // The member's thread.
  void run();
  bool take_order();
  void wait();
  void go_on();

  void send_join();
  void joined(kafka::JoinGroupResponse response);
  Status send_sync(const kafka::JoinGroupResponse& joined);
  void synced(const kafka::SyncGroupResponse& response);
  void join_refused(Answer answer);
  void join_later(std::int64_t delay_ns);
  void join_failed(const Error& error);
  void look_for_answers(std::int64_t now_ns);
  void forget_join();

  bool is_in() const {
    return phase_ == Phase::syncing || phase_ == Phase::member || phase_ == Phase::told;
  }
  void send_heartbeat();
  void receive_heartbeat();
  template <class Response>
  void receive_heartbeat_as();
  void heartbeat_answered(Answer answer);
  void look_who_polls(std::int64_t now_ns);
  void look_how_long_it_joins(std::int64_t now_ns);
  void out(Error why, Answer answer);
  std::int64_t retry_delay_ns();

  void publish(const std::function<void(GroupNews&)>& what);
  void end_thread();
  void say_good_bye(os::Deadline deadline);

  const std::shared_ptr<LinkPeer> coordinator_;
  const std::string client_id_;
  const GroupSettings settings_;
  const std::function<void()> tell_;

  std::mutex mutex_;  // guards what the threads give each other
  std::optional<JoinOrder> ordered_;
  GroupNews news_;
  bool closing_ = false;
  std::atomic<bool> asked_who_polls_{false};
  os::EventFd commands_;

  // The member's thread's own; the polling thread's once that has ended.
  BrokerLink join_link_, heart_link_;
  Phase phase_ = Phase::idle;
  Membership me_;
  JoinOrder order_;
  std::optional<PartitionCounts> counts_;  // as this leader shared out
  std::int64_t join_due_ns_ = 0;
  std::int64_t join_since_ns_ = 0;  // the order came
  bool told_of_slow_join_ = false;
  std::int64_t heart_due_ns_ = 0;
  // Over TCP: when an answer is given up.
  std::int64_t join_answer_ns_ = INT64_MAX, heart_answer_ns_ = INT64_MAX;
  Membership heartbeat_of_;  // whom the heartbeat under way speaks for
  std::int64_t polled_ns_ = 0;
  std::int64_t look_ns_ = 0;  // when to look who polls
  std::int64_t retry_ns_ = 0;

  std::thread thread_;
};

}  // namespace ringmain::client
