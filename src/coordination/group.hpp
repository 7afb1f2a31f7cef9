// Group: one group's members, its generation, its offsets; and the arithmetic over them.
//
// Knows no time and sends nothing: the Coordinator decides, and calls these. It counts who waits
// and which protocols all members know, so that a join costs the same in a group of any size.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordination/alarms.hpp"
#include "coordination/messages.hpp"

namespace ringmain::coordination {

enum class GroupState {
  empty,                 // no members; perhaps offsets
  preparing_rebalance,   // waits for its members to join
  completing_rebalance,  // waits for its leader's assignment
  stable,
  dead,  // its tombstones are on their way to the log
};

const char* name_of(GroupState state) noexcept;  // "PreparingRebalance", as in DescribeGroups

struct Member {
  MemberName who;
  ConnectionId connection;
  std::string client_id;
  std::string client_host;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = 0;
  std::vector<Protocol> protocols{};  // the most wanted first; after a replay only the chosen one
  Bytes assignment{};
  bool is_new = false;           // waits in its first JoinGroup
  bool owes_sync = false;        // has the generation, and has not come for its assignment
  std::optional<Ticket> sync{};  // its SyncGroup, waiting for the leader's
  Alarm session{};
  std::optional<Ticket> heartbeat{};  // one that waits for something to tell
  Alarm heartbeat_over{};             // when that is answered with nothing

  bool joining() const { return join_.has_value(); }
  std::optional<Ticket> join() const { return join_; }
  const Bytes& metadata(const std::string& protocol) const;  // empty if it does not know it

 private:
  friend class Group;
  std::optional<Ticket> join_{};  // its JoinGroup, waiting for the others; the Group counts these
};

struct PendingMember {
  ConnectionId connection;
  Alarm expiry{};
};

class Group {
 public:
  explicit Group(std::string id) : id_(std::move(id)) {}

  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  bool is(GroupState state) const { return state_ == state; }
  void enter(GroupState state, int64_t real_ms);
  int64_t state_since_ms() const { return state_since_ms_; }

  // ---- members
  std::map<std::string, Member>& members() { return members_; }
  const std::map<std::string, Member>& members() const { return members_; }
  bool has(const std::string& member) const { return members_.contains(member); }
  Member* find(const std::string& member);
  // The member id of a static member.
  const std::string* member_of_instance(const std::string& instance) const;
  // NONE, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID.
  GroupError check(const MemberName& who) const;

  Member& add(Member member, const std::string& protocol_type);
  Member remove(const std::string& member);
  // A static member came again under another id: everything else stays.
  Member& rename(const std::string& member, const std::string& new_member);
  void set_protocols(Member& member, std::vector<Protocol> protocols);
  void park_join(Member& member, Ticket ticket);
  std::optional<Ticket> take_join(Member& member);

  size_t joining_count() const { return joining_count_; }
  bool all_joined() const { return joining_count_ == members_.size() && pending.empty(); }
  bool all_synced() const;
  int32_t rebalance_timeout_ms() const;  // the longest of all members

  const std::optional<std::string>& leader() const { return leader_; }
  bool leads(const std::string& member) const { return leader_ == member; }
  // Makes a member leader that has joined, if the leader has not. False: nobody has joined.
  bool has_leader_that_joined();

  // ---- protocols
  // Whether a member that knows these may join. Held for each join and each change, this leaves at
  // all times one protocol that every member knows.
  bool supports(const std::string& protocol_type, const std::vector<Protocol>& protocols) const;
  std::string choose_protocol()
      const;  // requires members; the one that most want, of those all know
  const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  const std::optional<std::string>& protocol() const { return protocol_; }
  bool is_subscribed_to(const std::string& topic) const;
  bool knows_its_topics() const { return subscribed_topics_.has_value(); }

  // ---- generations
  int32_t generation() const { return generation_; }
  void next_generation(int64_t real_ms);
  std::vector<JoinedMember> joined_members() const;
  GroupMetadata metadata() const;               // as it stands now
  void restore(const GroupMetadata& metadata);  // requires a group just made

  // ---- what the coordinator keeps here
  std::map<std::string, PendingMember> pending;  // ids handed out with MEMBER_ID_REQUIRED
  Alarm rebalance;
  bool waits_initially = false;   // the first rebalance waits for late-comers, too
  bool newcomer_in_wait = false;  // somebody came since the initial wait began
  int64_t initial_wait_left_ms = 0;
  bool assignment_in_flight = false;  // the leader has handed in; the log has not confirmed
  std::map<TopicPartition, CommittedOffset> offsets;  // changed only by what the log has confirmed
  std::map<TopicPartition, int> commits_in_flight;

  // Nothing of it is in the log, and nobody is in it: it may be forgotten.
  bool is_blank() const;

 private:
  void count_protocols(const Member& member, int by);
  void learn_topics();

  std::string id_;
  GroupState state_ = GroupState::empty;
  int64_t state_since_ms_ = -1;
  int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;  // of the first member, kept when all are gone
  std::optional<std::string> protocol_;
  std::optional<std::string> leader_;
  std::map<std::string, Member> members_;
  std::map<std::string, std::string> static_members_;  // instance id -> member id
  std::map<std::string, size_t> protocol_counts_;      // how many members know it
  size_t joining_count_ = 0;
  std::optional<std::set<std::string>> subscribed_topics_;  // of consumers, if they could be read
};

}  // namespace ringmain::coordination
