// Coordinators: the coordinators of all partitions of __consumer_offsets that this broker leads,
// behind callbacks. Finds the one for a group, and remembers who asked what.
//
// One thread at a time. Still no socket, clock or disk: time comes with each call, records go to a
// log that the owner gives, which reports their end.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "coordination/coordinator.hpp"

namespace ringmain::coordination {

// Where records go. Each append of a partition is reported by Coordinators::append_done(), in the
// order of the appends; within append() is allowed.
class OffsetsLog {
 public:
  virtual ~OffsetsLog() = default;
  // All records or none, as one batch.
  virtual void append(int32_t partition, AppendId id, const std::vector<Record>& records) = 0;
};

class Coordinators {
 public:
  // partition_count: of __consumer_offsets.
  Coordinators(const GroupConfig& config, int32_t partition_count, uint64_t seed, OffsetsLog& log);

  // ---- which partitions are ours. The others' groups get NOT_COORDINATOR.
  void begin_loading(int32_t partition);
  Status replay(int32_t partition, const Record& record);
  void finish_loading(int32_t partition, Now now);
  void resign(int32_t partition);
  int32_t partition_of(const std::string& group) const;

  // ---- requests; the callback comes once, perhaps within the call. Caller::ticket is filled in
  // here.
  void join(Caller caller, JoinRequest request, Now now,
            std::function<void(const JoinReply&)> done);
  void sync(Caller caller, SyncRequest request, Now now,
            std::function<void(const SyncReply&)> done);
  void commit(Caller caller, const CommitRequest& request, Now now,
              std::function<void(const CommitReply&)> done);
  void delete_offsets(Caller caller, const std::string& group,
                      const std::vector<TopicPartition>& partitions, Now now,
                      std::function<void(const DeleteOffsetsReply&)> done);
  void delete_group(Caller caller, const std::string& group, Now now,
                    std::function<void(const DeleteGroupReply&)> done);
  GroupError heartbeat(const HeartbeatRequest& request, Now now);
  void await_rebalance(Caller caller, const AwaitRequest& request, Now now,
                       std::function<void(const HeartbeatReply&)> done);
  LeaveReply leave(const LeaveRequest& request, Now now);
  FetchReply fetch(const std::string& group, const std::vector<TopicPartition>* partitions) const;
  Description describe(const std::string& group) const;
  Listing list(const std::vector<std::string>& states) const;

  // ---- other events
  void append_done(int32_t partition, AppendId id, AppendResult result, Now now);
  void connection_gone(ConnectionId connection, Now now);
  void topic_deleted(const std::string& topic, Now now);
  void tick(Now now);
  std::optional<int64_t> next_tick_ms() const;

 private:
  // Each coordinator numbers its appends from here on, so that a late report to a former one of the
  // same partition is known as such.
  static constexpr uint64_t kAppendsOfOneLife = uint64_t{1} << 40;

  struct Led {
    std::unique_ptr<Coordinator> coordinator;  // null: not ours
    AppendId before_first{};
  };
  struct Ended {
    int32_t partition;
    AppendId id;
    AppendResult result;
    Now now;
  };
  using Done = std::function<void(const Reply&)>;

  Coordinator* find(int32_t partition) const;
  Coordinator* for_group(const std::string& group) const;
  template <class R>
  void ask(Caller& caller, const std::string& group, R refusal, std::function<void(const R&)> done,
           const std::function<void(Coordinator&, Output&)>& request);
  void carry_out(int32_t partition, Output& out);
  void end_appends();

  GroupConfig config_;
  Random random_;
  OffsetsLog& log_;
  std::vector<Led> partitions_;
  uint64_t lives_ = 0;
  uint64_t last_ticket_ = 0;
  std::map<Ticket, Done> waiting_;
  std::deque<Ended> ended_;  // reported, and not told to their coordinators yet
  bool ending_ = false;
};

}  // namespace ringmain::coordination
