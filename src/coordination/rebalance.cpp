// The turn from one generation to the next: who is waited for, for how long, and who is left
// behind.
#include <algorithm>
#include <utility>

#include "coordination/coordinator.hpp"

namespace ringmain::coordination {

void Coordinator::prepare_rebalance(Group& group, Now now, Output& out) {
  if (group.is(GroupState::completing_rebalance))
    answer_syncs(group, GroupError::rebalance_in_progress, now, out);
  group.waits_initially = group.is(GroupState::empty);
  int64_t wait_ms = group.rebalance_timeout_ms();
  if (group.waits_initially) {
    // Consumers are started together: one rebalance for all of them instead of one for each.
    group.newcomer_in_wait = false;
    group.initial_wait_left_ms = std::max<int64_t>(0, wait_ms - config_.initial_rebalance_delay_ms);
    wait_ms = config_.initial_rebalance_delay_ms;
  }
  group.enter(GroupState::preparing_rebalance, now.real_ms);
  alarms_.set(group.rebalance, now.steady_ms + wait_ms, {AlarmKind::rebalance, group.id()});
  for (auto& [id, member] : group.members()) {
    member.owes_sync = false;
    answer_heartbeat(group, member, GroupError::rebalance_in_progress, out);
  }
  complete_join_if_ready(group, now, out);
}

void Coordinator::complete_join_if_ready(Group& group, Now now, Output& out) {
  if (group.is(GroupState::preparing_rebalance) && !group.waits_initially && group.all_joined())
    complete_join(group, now, out);
}

void Coordinator::join_wait_over(Group& group, Now now, Output& out) {
  if (group.waits_initially && group.newcomer_in_wait && group.initial_wait_left_ms > 0) {
    const int64_t wait_ms =
        std::min<int64_t>(config_.initial_rebalance_delay_ms, group.initial_wait_left_ms);
    group.newcomer_in_wait = false;
    group.initial_wait_left_ms -= wait_ms;
    alarms_.set(group.rebalance, now.steady_ms + wait_ms, {AlarmKind::rebalance, group.id()});
    return;
  }
  complete_join(group, now, out);
}

void Coordinator::complete_join(Group& group, Now now, Output& out) {
  alarms_.cancel(group.rebalance, {AlarmKind::rebalance, group.id()});
  group.waits_initially = false;
  std::vector<std::string> late;
  for (const auto& [id, member] : group.members()) {
    // A static member may be restarting: its session decides.
    if (!member.joining() && !member.who.instance) late.push_back(id);
  }
  for (const std::string& member : late) take_out(group, member, out);
  if (!group.members().empty() && !group.has_leader_that_joined()) {
    // Only static members that are away: until the first comes back or their sessions end.
    alarms_.set(group.rebalance, now.steady_ms + std::max(1, group.rebalance_timeout_ms()),
                {AlarmKind::rebalance, group.id()});
    return;
  }
  group.next_generation(now.real_ms);
  if (group.is(GroupState::empty)) {
    append({GroupChange{{group.id()}, group.metadata()}}, Nothing{}, out);
    return;
  }
  for (auto& [id, member] : group.members()) {
    member.assignment.clear();  // of the generation before
    if (const auto ticket = group.take_join(member)) {
      member.owes_sync = true;
      out.answer(*ticket, join_reply(group, member));
      member.is_new = false;
      expect_heartbeat(group, member, now);
    }
  }
  alarms_.set(group.rebalance, now.steady_ms + std::max(1, group.rebalance_timeout_ms()),
              {AlarmKind::rebalance, group.id()});
}

JoinReply Coordinator::join_reply(const Group& group, const Member& member) const {
  JoinReply reply;
  reply.generation = group.generation();
  reply.protocol_type = group.protocol_type();
  reply.protocol = group.protocol();
  reply.leader = group.leader().value_or("");
  reply.member = member.who.member;
  if (group.leads(member.who.member)) reply.members = group.joined_members();
  return reply;
}

// Whoever has the generation and did not come for its assignment holds partitions that nobody
// reads.
void Coordinator::sync_wait_over(Group& group, Now now, Output& out) {
  std::vector<std::string> late;
  for (const auto& [id, member] : group.members()) {
    if (member.owes_sync) late.push_back(id);
  }
  if (late.empty()) return;
  for (const std::string& member : late) take_out(group, member, out);
  prepare_rebalance(group, now, out);
}

void Coordinator::session_over(Group& group, const std::string& id, Now now, Output& out) {
  const Member& member = *group.find(id);
  // It waits for us, so it cannot send heartbeats. Its session begins anew with our answer.
  const bool waits_for_us = !member.is_new && (member.joining() || member.sync);
  if (!waits_for_us) remove_member(group, id, now, out);
}

// Removes and answers; what becomes of the group is the caller's to decide.
void Coordinator::take_out(Group& group, const std::string& id, Output& out) {
  Member gone = group.remove(id);
  alarms_.cancel(gone.session, {AlarmKind::session, group.id(), id});
  answer_heartbeat(group, gone, GroupError::unknown_member_id, out);
  if (gone.join()) {
    out.answer(*gone.join(), JoinReply{GroupError::unknown_member_id});
  }
  if (gone.sync) out.answer(*gone.sync, SyncReply{GroupError::unknown_member_id});
}

void Coordinator::remove_member(Group& group, const std::string& id, Now now, Output& out) {
  const std::string member = id;  // the caller's may be the one that goes
  take_out(group, member, out);
  if (group.is(GroupState::stable) || group.is(GroupState::completing_rebalance))
    return prepare_rebalance(group, now, out);
  complete_join_if_ready(group, now, out);
}

void Coordinator::remove_pending(Group& group, const std::string& id, Now now, Output& out) {
  const auto pending = group.pending.find(id);
  alarms_.cancel(pending->second.expiry, {AlarmKind::pending_member, group.id(), id});
  group.pending.erase(pending);
  complete_join_if_ready(group, now, out);
}

void Coordinator::expect_heartbeat(Group& group, Member& member, Now now) {
  alarms_.set(member.session, now.steady_ms + member.session_timeout_ms,
              {AlarmKind::session, group.id(), member.who.member});
}

}  // namespace ringmain::coordination
