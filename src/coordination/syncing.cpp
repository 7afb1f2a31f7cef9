// SyncGroup, Heartbeat, LeaveGroup: a member within a generation.
#include <utility>

#include "coordination/append_errors.hpp"
#include "coordination/coordinator.hpp"

namespace ringmain::coordination {
namespace {

bool differs(const std::optional<std::string>& asked, const std::optional<std::string>& actual) {
  return asked && asked != actual;
}

}  // namespace

void Coordinator::sync(const Caller& caller, SyncRequest request, Now now, Output& out) {
  const auto refuse = [&](GroupError error) { out.answer(caller.ticket, SyncReply{error}); };
  if (request.group.empty()) return refuse(GroupError::invalid_group_id);
  if (const auto error = refusal(request.group)) {
    // The rebalance that it speaks of died with our predecessor, and old clients do not know that
    // a coordinator may be loading.
    const bool loading = *error == GroupError::coordinator_load_in_progress;
    return refuse(loading ? GroupError::rebalance_in_progress : *error);
  }
  Group* group = find(request.group);
  if (group == nullptr) return refuse(GroupError::unknown_member_id);
  if (group->is(GroupState::dead)) return refuse(GroupError::coordinator_not_available);
  if (const auto error = group->check(request.who); error != GroupError::none) return refuse(error);
  if (request.generation != group->generation()) return refuse(GroupError::illegal_generation);
  if (differs(request.protocol_type, group->protocol_type()) ||
      differs(request.protocol, group->protocol())) {
    return refuse(GroupError::inconsistent_group_protocol);
  }
  if (group->is(GroupState::preparing_rebalance)) return refuse(GroupError::rebalance_in_progress);

  Member& member = *group->find(request.who.member);
  member.owes_sync = false;
  if (group->all_synced()) alarms_.cancel(group->rebalance, {AlarmKind::rebalance, group->id()});
  if (group->is(GroupState::stable)) {
    expect_heartbeat(*group, member, now);
    out.answer(caller.ticket, sync_reply(*group, member));
    return;
  }
  // Sent again: nobody reads the answer to the first.
  if (const auto earlier = std::exchange(member.sync, caller.ticket))
    out.answer(*earlier, SyncReply{GroupError::rebalance_in_progress});
  if (group->leads(member.who.member) && !group->assignment_in_flight)
    take_assignment(*group, request, out);
}

void Coordinator::take_assignment(Group& group, SyncRequest& request, Output& out) {
  GroupMetadata metadata = group.metadata();
  std::map<std::string, Bytes> parts;
  for (auto& [member, part] : request.assignments) parts.insert_or_assign(member, std::move(part));
  std::vector<std::pair<std::string, Bytes>> assigned;
  for (GroupMetadata::Member& member : metadata.members) {
    member.assignment = std::move(parts[member.member]);  // none handed in: an empty one
    assigned.emplace_back(member.member, member.assignment);
  }
  group.assignment_in_flight = true;
  append({GroupChange{{group.id()}, std::move(metadata)}},
         Assignment{group.id(), group.generation(), std::move(assigned)}, out);
}

void Coordinator::ended(Assignment& assignment, AppendResult result, Now now, Output& out) {
  if (phase_ != Phase::active) return;  // answered with all that waited in SyncGroup
  Group* group = find(assignment.group);
  // A rebalance that began since then has answered, and what was handed in is of no use any more.
  if (group == nullptr || !group->is(GroupState::completing_rebalance) ||
      group->generation() != assignment.generation) {
    return;
  }
  group->assignment_in_flight = false;
  if (result != AppendResult::done) {
    answer_syncs(*group, error_of_group_append(result), now, out);
    return prepare_rebalance(*group, now, out);
  }
  for (auto& [id, part] : assignment.parts) {
    if (Member* member = group->find(id)) member->assignment = std::move(part);
  }
  group->enter(GroupState::stable, now.real_ms);
  answer_syncs(*group, GroupError::none, now, out);
}

// Answers every SyncGroup that waits. Sessions begin anew: whoever waited could not send
// heartbeats.
void Coordinator::answer_syncs(Group& group, GroupError error, Now now, Output& out) {
  for (auto& [id, member] : group.members()) {
    if (const auto ticket = std::exchange(member.sync, std::nullopt)) {
      const bool good = error == GroupError::none;
      out.answer(*ticket, good ? sync_reply(group, member) : SyncReply{error});
      expect_heartbeat(group, member, now);
    }
  }
}

SyncReply Coordinator::sync_reply(const Group& group, const Member& member) const {
  return {GroupError::none, group.protocol_type(), group.protocol(), member.assignment};
}

GroupError Coordinator::heartbeat(const HeartbeatRequest& request, Now now) {
  if (request.group.empty()) return GroupError::invalid_group_id;
  if (const auto error = refusal(request.group)) {
    // We cannot know better yet, and it must not leave for that.
    const bool loading = *error == GroupError::coordinator_load_in_progress;
    return loading ? GroupError::none : *error;
  }
  Group* group = find(request.group);
  if (group == nullptr) return GroupError::unknown_member_id;
  if (group->is(GroupState::dead)) return GroupError::coordinator_not_available;
  if (const auto error = group->check(request.who); error != GroupError::none) return error;
  if (request.generation != group->generation()) return GroupError::illegal_generation;
  Member& member = *group->find(request.who.member);
  // A new member's wait in JoinGroup has a limit of its own, which its heartbeats do not move.
  if (!member.is_new) expect_heartbeat(*group, member, now);
  // In CompletingRebalance a member is where it should be, and learns the rest from SyncGroup.
  return group->is(GroupState::preparing_rebalance) ? GroupError::rebalance_in_progress
                                                    : GroupError::none;
}

void Coordinator::await_rebalance(const Caller& caller, const AwaitRequest& request, Now now,
                                  Output& out) {
  const auto say = [&](GroupError error) { out.answer(caller.ticket, HeartbeatReply{error}); };
  // Unlike a heartbeat: whoever waits here comes again soon, and is to be known by its connection.
  if (phase_ == Phase::loading) return say(GroupError::coordinator_load_in_progress);
  const HeartbeatRequest& heartbeat_of = request.heartbeat;
  if (const auto error = heartbeat(heartbeat_of, now); error != GroupError::none) return say(error);
  Group& group = *find(heartbeat_of.group);
  Member& member = *group.find(heartbeat_of.who.member);
  member.connection = caller.connection;
  answer_heartbeat(group, member, GroupError::none, out);  // sent again: nobody reads this
  if (request.max_wait_ms <= 0) return say(GroupError::none);
  member.heartbeat = caller.ticket;
  alarms_.set(member.heartbeat_over, now.steady_ms + request.max_wait_ms,
              {AlarmKind::heartbeat, group.id(), member.who.member});
}

void Coordinator::answer_heartbeat(Group& group, Member& member, GroupError error, Output& out) {
  const auto ticket = std::exchange(member.heartbeat, std::nullopt);
  if (!ticket) return;
  alarms_.cancel(member.heartbeat_over, {AlarmKind::heartbeat, group.id(), member.who.member});
  out.answer(*ticket, HeartbeatReply{error});
}

LeaveReply Coordinator::leave(const LeaveRequest& request, Now now, Output& out) {
  if (request.group.empty()) return {GroupError::invalid_group_id};
  if (const auto error = refusal(request.group)) return {*error};
  LeaveReply reply;
  Group* group = find(request.group);
  if (group != nullptr && group->is(GroupState::dead))
    return {GroupError::coordinator_not_available};
  for (const MemberName& who : request.members) {
    GroupError error = GroupError::none;
    if (group == nullptr) {
      error = GroupError::unknown_member_id;
    } else if (who.member.empty() && who.instance) {  // an administrator's, who knows no member ids
      const std::string* member = group->member_of_instance(*who.instance);
      if (member == nullptr)
        error = GroupError::unknown_member_id;
      else
        remove_member(*group, *member, now, out);
    } else if (!who.instance && group->pending.contains(who.member)) {
      remove_pending(*group, who.member, now, out);
    } else if (error = group->check(who); error == GroupError::none) {
      remove_member(*group, who.member, now, out);
    }
    reply.members.push_back(error);
  }
  forget_if_blank(request.group);
  return reply;
}

}  // namespace ringmain::coordination
