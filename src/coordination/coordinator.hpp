// Coordinator: the groups of one partition of __consumer_offsets, as a state machine.
//
// Requests and time go in; answers, records to append, and the time of its next alarm come out. No
// socket, clock, disk or thread in it: whoever drives it calls from one thread at a time, carries
// out the Output of each call, and reports each append's end once by append_done(), in any order.
//
// What is durable (offsets, and each generation's members with their assignments) counts as changed
// only once its record is in the log. An answer that promises such a change waits for that. What is
// not in the log (who waits in JoinGroup, who is late) is lost with a coordinator: its successor
// replays the records, and members find their way by UNKNOWN_MEMBER_ID and REBALANCE_IN_PROGRESS.
//
// The protocol is Kafka's classic one; where a rule looks odd, a client relies on it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "coordination/group.hpp"
#include "coordination/group_config.hpp"
#include "coordination/messages.hpp"

namespace ringmain::coordination {

class Coordinator {
 public:
  // seed: for member ids. Another one after each start, or ids of former members come again.
  // Append ids begin above last_append.
  Coordinator(const GroupConfig& config, uint64_t seed, AppendId last_append = {});

  // ---- loading: the partition's records in their order, then finish_loading(). Until then
  // requests are answered with COORDINATOR_LOAD_IN_PROGRESS, or with what old clients take for it.
  // An error: these bytes are no such record, and were ignored.
  Status replay(const Record& record);
  void finish_loading(Now now, Output& out);

  // The partition has another leader: answers all that wait with NOT_COORDINATOR, and so from now
  // on.
  void resign(Output& out);

  // ---- requests that may have to wait: answered by ticket, now or later
  void join(const Caller& caller, JoinRequest request, Now now, Output& out);
  void sync(const Caller& caller, SyncRequest request, Now now, Output& out);
  // Unknown topics are for the caller to refuse.
  // A heartbeat that is answered at once if there is anything to tell, else as soon as there is: the
  // member is to join again, or is out; or with none after max_wait_ms. It counts as one heartbeat,
  // whose session runs while it waits. From here on the member is on the caller's connection, so
  // that its end is the member's: a member that was replayed from the log has none until then.
  void await_rebalance(const Caller& caller, const AwaitRequest& request, Now now, Output& out);
  void commit(const Caller& caller, const CommitRequest& request, Now now, Output& out);
  void delete_offsets(const Caller& caller, const std::string& group,
                      const std::vector<TopicPartition>& partitions, Now now, Output& out);
  void delete_group(const Caller& caller, const std::string& group, Now now, Output& out);

  // ---- requests that are answered at once
  GroupError heartbeat(const HeartbeatRequest& request, Now now);
  LeaveReply leave(const LeaveRequest& request, Now now, Output& out);
  // nullptr: all that the group has committed.
  FetchReply fetch(const std::string& group, const std::vector<TopicPartition>* partitions) const;
  Description describe(const std::string& group) const;
  // No states: groups in any. Compared without regard to case.
  Listing list(const std::vector<std::string>& states) const;

  // ---- other events
  // Ends take effect in the order of the log, whatever the order they are reported in: the later of
  // two commits is the one that stays.
  void append_done(AppendId id, AppendResult result, Now now, Output& out);
  // The kernel says that the process at the other end is gone: its members leave at once. Static
  // members keep their session, since their successor is expected.
  void connection_gone(ConnectionId connection, Now now, Output& out);
  void topic_deleted(const std::string& topic, Now now, Output& out);
  void tick(Now now, Output& out);
  // When tick() is due, by the steady clock; nullopt: by nothing that is known now.
  std::optional<int64_t> next_tick_ms() const;

 private:
  enum class Phase { loading, active, resigned };

  // What an append was for, once it ends.
  struct Commit {
    Ticket ticket;
    std::vector<GroupError> errors;  // none: this offset is in the append
  };
  struct Assignment {
    std::string group;
    int32_t generation;
    std::vector<std::pair<std::string, Bytes>> parts;
  };
  struct StaticSwap {
    std::string group;
    int32_t generation;
    Ticket ticket;
    std::string leader;  // before the swap
    std::string old_member;
    std::string new_member;
    std::vector<Protocol> old_protocols;
  };
  struct OffsetsGone {
    Ticket ticket;
    std::vector<GroupError> errors;
  };
  struct GroupGone {
    std::string group;
    std::optional<Ticket> ticket;  // none: expired
  };
  struct Nothing {};
  using Purpose = std::variant<Nothing, Commit, Assignment, StaticSwap, OffsetsGone, GroupGone>;
  struct InFlight {
    Purpose purpose;
    std::vector<OffsetChange> offsets;
    std::optional<AppendResult> result;  // reported; waits for those before it
  };

  // coordinator.cpp
  std::optional<GroupError> refusal(std::string_view group) const;
  Group* find(const std::string& group);
  const Group* find(const std::string& group) const;
  void forget_if_blank(const std::string& group);
  void append(std::vector<Change> changes, Purpose purpose, Output& out);
  void apply(const OffsetChange& change);
  void take_effect(InFlight& flight, Now now, Output& out);
  void ended(Nothing&, AppendResult, Now, Output&) {}
  void alarm_fired(const AlarmName& name, Now now, Output& out);
  Alarm* find_alarm(const AlarmName& name);

  // joining.cpp
  void join_new(Group& group, const Caller& caller, JoinRequest& request, Now now, Output& out);
  void join_again(Group& group, const Caller& caller, JoinRequest& request, Now now, Output& out);
  void join_static(Group& group, const Caller& caller, JoinRequest& request,
                   const std::string& new_member, Now now, Output& out);
  void add_member(Group& group, const Caller& caller, JoinRequest& request,
                  const std::string& member, Now now, Output& out);
  void rejoin(Group& group, Member& member, const Caller& caller, JoinRequest& request, Now now,
              Output& out);
  void park_join(Group& group, Member& member, Ticket ticket, Output& out);
  std::string new_member_id(const Caller& caller, const MemberName& who);
  void ended(StaticSwap& swap, AppendResult result, Now now, Output& out);

  // rebalance.cpp
  void prepare_rebalance(Group& group, Now now, Output& out);
  void complete_join_if_ready(Group& group, Now now, Output& out);
  void complete_join(Group& group, Now now, Output& out);
  void join_wait_over(Group& group, Now now, Output& out);
  void sync_wait_over(Group& group, Now now, Output& out);
  void session_over(Group& group, const std::string& member, Now now, Output& out);
  void take_out(Group& group, const std::string& member, Output& out);
  void remove_member(Group& group, const std::string& member, Now now, Output& out);
  void remove_pending(Group& group, const std::string& member, Now now, Output& out);
  void expect_heartbeat(Group& group, Member& member, Now now);
  JoinReply join_reply(const Group& group, const Member& member) const;

  // syncing.cpp
  void take_assignment(Group& group, SyncRequest& request, Output& out);
  void answer_syncs(Group& group, GroupError error, Now now, Output& out);
  SyncReply sync_reply(const Group& group, const Member& member) const;
  void answer_heartbeat(Group& group, Member& member, GroupError error, Output& out);
  void ended(Assignment& assignment, AppendResult result, Now now, Output& out);

  // offsets.cpp, retention.cpp, admin.cpp
  GroupError may_commit(const Group& group, const CommitRequest& request) const;
  std::vector<Change> tombstones(const Group& group, const std::vector<TopicPartition>& of) const;
  void ended(Commit& commit, AppendResult result, Now now, Output& out);
  void ended(OffsetsGone& gone, AppendResult result, Now now, Output& out);
  void ended(GroupGone& gone, AppendResult result, Now now, Output& out);
  void bury(Group& group, std::optional<Ticket> ticket, Now now, Output& out);
  void expire_offsets(Now now, Output& out);
  std::vector<TopicPartition> expired(const Group& group, int64_t real_ms) const;

  GroupConfig config_;
  Random random_;
  Phase phase_ = Phase::loading;
  std::map<std::string, Group> groups_;
  Alarms alarms_;
  int64_t next_expiry_ms_ = kNever;
  uint64_t last_append_;
  std::map<AppendId, InFlight> in_flight_;  // in the order of the log
  // While loading.
  std::map<std::string, GroupMetadata> loaded_groups_;
  std::map<std::string, std::map<TopicPartition, CommittedOffset>> loaded_offsets_;
};

}  // namespace ringmain::coordination
