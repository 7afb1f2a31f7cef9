// What goes into a Coordinator and what comes out of it: plain values, no encoding, no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/strong_id.hpp"
#include "coordination/group_error.hpp"
#include "coordination/offsets_record.hpp"

namespace ringmain::coordination {

// The time of an event. Timers go by the steady clock, what is written down by the real one.
struct Now {
  int64_t steady_ms = 0;
  int64_t real_ms = 0;
};

using Ticket = StrongId<struct TicketTag, uint64_t>;  // a request that waits, named by the driver
using ConnectionId =
    StrongId<struct ConnectionTag, uint64_t>;           // 0: none whose end would be reported
using AppendId = StrongId<struct AppendTag, uint64_t>;  // counts up: the order of the log

// Who sent a request. The driver gives each request a ticket of its own.
struct Caller {
  Ticket ticket;
  ConnectionId connection;
  std::string client_id;
  std::string client_host;
};

// A member as its requests name it.
struct MemberName {
  std::string member;
  std::optional<std::string> instance{};  // a static member's own name
  bool operator==(const MemberName&) const = default;
};

// ---- JoinGroup

// JoinGroup 4 and above: a new member is told its id, and joins with it the second time.
enum class NewMembers { join_at_once, learn_their_id_first };

struct Protocol {
  std::string name;
  Bytes metadata;
  bool operator==(const Protocol&) const = default;
};

struct JoinRequest {
  std::string group;
  MemberName who;  // an empty member id: new
  NewMembers new_members = NewMembers::learn_their_id_first;
  int32_t session_timeout_ms = 45000;
  int32_t rebalance_timeout_ms = -1;  // below 0: the session timeout
  std::string protocol_type{};
  std::vector<Protocol> protocols{};
};

struct JoinedMember {
  MemberName who;
  Bytes metadata;
  bool operator==(const JoinedMember&) const = default;
};

struct JoinReply {
  GroupError error = GroupError::none;
  int32_t generation = -1;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol{};
  std::string leader{};
  std::string member{};
  std::vector<JoinedMember> members{};  // for the leader only
};

// ---- SyncGroup

struct SyncRequest {
  std::string group;
  MemberName who;
  int32_t generation = -1;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol{};
  std::vector<std::pair<std::string, Bytes>> assignments{};  // member id; the leader's only
};

struct SyncReply {
  GroupError error = GroupError::none;
  std::optional<std::string> protocol_type{};
  std::optional<std::string> protocol{};
  Bytes assignment{};
};

// ---- Heartbeat, LeaveGroup

struct HeartbeatRequest {
  std::string group;
  MemberName who;
  int32_t generation = -1;
};

// A heartbeat that waits until there is something to tell: see Coordinator::await_rebalance().
struct AwaitRequest {
  HeartbeatRequest heartbeat;
  int32_t max_wait_ms = 0;
};

struct HeartbeatReply {
  GroupError error = GroupError::none;  // none: nothing is to be done
};

struct LeaveRequest {
  std::string group;
  std::vector<MemberName> members;  // an empty member id: whoever has the instance id
};

struct LeaveReply {
  GroupError error = GroupError::none;
  std::vector<GroupError> members{};  // as asked, one for each
};

// ---- OffsetCommit, OffsetFetch, OffsetDelete

struct OffsetToCommit {
  TopicPartition partition;
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata{};
};

struct CommitRequest {
  std::string group;
  MemberName who;
  int32_t generation = -1;  // below 0: a consumer outside of any group
  std::optional<int64_t> retention_ms{};
  std::vector<OffsetToCommit> offsets{};
};

// All of these were appended to __consumer_offsets as durably as the driver's append says.
struct CommitReply {
  std::vector<GroupError> partitions{};  // as asked, one for each
};

struct FetchedOffset {
  TopicPartition partition;
  int64_t offset = -1;  // -1: nothing committed
  int32_t leader_epoch = -1;
  std::string metadata{};
  bool operator==(const FetchedOffset&) const = default;
};

struct FetchReply {
  GroupError error = GroupError::none;
  std::vector<FetchedOffset> offsets{};
};

struct DeleteOffsetsReply {
  GroupError error = GroupError::none;
  std::vector<GroupError> partitions{};  // as asked, one for each
};

// ---- DescribeGroups, ListGroups, DeleteGroups

struct DescribedMember {
  MemberName who;
  std::string client_id;
  std::string client_host;
  Bytes metadata;
  Bytes assignment;
};

struct Description {
  GroupError error = GroupError::none;
  std::string state{};
  std::string protocol_type{};
  std::string protocol{};
  std::vector<DescribedMember> members{};
};

struct ListedGroup {
  std::string group;
  std::string protocol_type;
  std::string state;
};

struct Listing {
  GroupError error = GroupError::none;
  std::vector<ListedGroup> groups{};
};

struct DeleteGroupReply {
  GroupError error = GroupError::none;
};

// ---- What comes out

using Reply = std::variant<JoinReply, SyncReply, HeartbeatReply, CommitReply, DeleteOffsetsReply,
                           DeleteGroupReply>;

struct Answer {
  Ticket ticket;
  Reply reply;
};

// Records to append to the partition, all or none of them, in the order of the ids. The driver
// reports each by Coordinator::append_done(), in that order.
struct Append {
  AppendId id;
  std::vector<Record> records;
};

// What the driver has to do after each call. Every ticket is answered once.
struct Output {
  std::vector<Answer> answers;
  std::vector<Append> appends;

  void answer(Ticket ticket, Reply reply);
};

// How an append ended, as the log says it.
enum class AppendResult {
  done,
  not_enough_replicas,  // or the topic is not there
  not_leader,           // or the disk failed
  timed_out,
  too_large,
  failed,
};

}  // namespace ringmain::coordination
