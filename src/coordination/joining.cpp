// JoinGroup: new members, members that come again, and static members that come as somebody else.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "coordination/append_errors.hpp"
#include "coordination/coordinator.hpp"

namespace ringmain::coordination {
namespace {

JoinReply refused(const std::string& member, GroupError error) {
  JoinReply reply{error};
  reply.member = member;
  return reply;
}

// What goes into a record has to fit one.
bool fits_a_record(const Caller& caller, const JoinRequest& request) {
  const auto fits = [](const std::string& text) { return text.size() <= kMaxStringBytes; };
  return fits(request.protocol_type) && fits(request.who.member) &&
         fits(request.who.instance.value_or("")) && fits(caller.client_id) &&
         fits(caller.client_host) && std::ranges::all_of(request.protocols, fits, &Protocol::name);
}

// Names that only tell people who it is; a member id made of them must stay short.
std::string shortened(const std::string& name) {
  constexpr size_t kMaxPrefixBytes = 255;
  size_t size = std::min(name.size(), kMaxPrefixBytes);
  const auto continues = [&](size_t at) {
    return at < name.size() && (static_cast<unsigned char>(name[at]) & 0xc0) == 0x80;
  };
  while (size > 0 && continues(size)) --size;  // not in the middle of a character
  return name.substr(0, size);
}

// A group that is full takes back those it has, and of them no more than its size.
bool has_room(const Group& group, const std::string& member, size_t max_members) {
  const auto found = group.members().find(member);
  const bool known = found != group.members().end();
  switch (group.state()) {
    case GroupState::empty:
    case GroupState::dead:
      return group.pending.size() < kMaxPendingMembers || group.pending.contains(member);
    case GroupState::preparing_rebalance:
      return (known && found->second.joining()) || group.joining_count() < max_members;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      return known || group.members().size() < max_members;
  }
  return false;
}

}  // namespace

void Coordinator::join(const Caller& caller, JoinRequest request, Now now, Output& out) {
  const auto refuse = [&](GroupError error) {
    out.answer(caller.ticket, refused(request.who.member, error));
  };
  if (request.group.empty()) return refuse(GroupError::invalid_group_id);
  if (const auto error = refusal(request.group)) return refuse(*error);
  if (!fits_a_record(caller, request)) return refuse(GroupError::invalid_request);
  if (request.session_timeout_ms < config_.min_session_timeout_ms ||
      request.session_timeout_ms > config_.max_session_timeout_ms) {
    return refuse(GroupError::invalid_session_timeout);
  }
  if (request.rebalance_timeout_ms < 0) request.rebalance_timeout_ms = request.session_timeout_ms;

  const bool is_new = request.who.member.empty();
  Group* group = find(request.group);
  if (group == nullptr) {
    if (!is_new) return refuse(GroupError::unknown_member_id);
    group = &groups_.emplace(request.group, Group(request.group)).first->second;
  }
  if (!has_room(*group, request.who.member, static_cast<size_t>(config_.max_members)) ||
      (is_new && group->pending.size() >= kMaxPendingMembers)) {
    if (group->has(request.who.member)) take_out(*group, request.who.member, out);
    refuse(GroupError::group_max_size_reached);
  } else if (group->is(GroupState::dead)) {
    refuse(GroupError::coordinator_not_available);  // soon there will be a new one
  } else if (!group->supports(request.protocol_type, request.protocols)) {
    refuse(GroupError::inconsistent_group_protocol);
  } else if (is_new) {
    join_new(*group, caller, request, now, out);
  } else {
    join_again(*group, caller, request, now, out);
  }
  complete_join_if_ready(*group, now, out);
  forget_if_blank(request.group);
}

std::string Coordinator::new_member_id(const Caller& caller, const MemberName& who) {
  const uint64_t high = random_(), low = random_();
  return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                     shortened(who.instance.value_or(caller.client_id)), high >> 32,
                     (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & 0xffffffffffff);
}

void Coordinator::join_new(Group& group, const Caller& caller, JoinRequest& request, Now now,
                           Output& out) {
  const std::string member = new_member_id(caller, request.who);
  if (request.who.instance) {
    if (group.member_of_instance(*request.who.instance) != nullptr)
      return join_static(group, caller, request, member, now, out);
    return add_member(group, caller, request, member, now, out);
  }
  if (request.new_members == NewMembers::join_at_once)
    return add_member(group, caller, request, member, now, out);
  PendingMember& pending = group.pending[member];
  pending.connection = caller.connection;
  alarms_.set(pending.expiry, now.steady_ms + request.session_timeout_ms,
              {AlarmKind::pending_member, group.id(), member});
  out.answer(caller.ticket, refused(member, GroupError::member_id_required));
}

void Coordinator::join_again(Group& group, const Caller& caller, JoinRequest& request, Now now,
                             Output& out) {
  const std::string& id = request.who.member;
  const auto refuse = [&](GroupError error) { out.answer(caller.ticket, refused(id, error)); };
  if (const auto pending = group.pending.find(id); pending != group.pending.end()) {
    if (request.who.instance) return refuse(GroupError::unknown_member_id);
    alarms_.cancel(pending->second.expiry, {AlarmKind::pending_member, group.id(), id});
    group.pending.erase(pending);
    return add_member(group, caller, request, std::string(id), now, out);
  }
  if (const auto error = group.check(request.who); error != GroupError::none) return refuse(error);
  Member& member = *group.find(id);
  const bool same = member.protocols == request.protocols;
  const bool stays = (group.is(GroupState::completing_rebalance) && same) ||
                     (group.is(GroupState::stable) && same && !group.leads(id));
  if (!stays) return rejoin(group, member, caller, request, now, out);
  // It has not seen the answer to its last JoinGroup: here it is again.
  JoinReply reply = join_reply(group, member);
  if (group.is(GroupState::stable)) reply.members.clear();
  out.answer(caller.ticket, std::move(reply));
}

void Coordinator::add_member(Group& group, const Caller& caller, JoinRequest& request,
                             const std::string& id, Now now, Output& out) {
  Member fresh;
  fresh.who = {id, request.who.instance};
  fresh.connection = caller.connection;
  fresh.client_id = caller.client_id;
  fresh.client_host = caller.client_host;
  fresh.session_timeout_ms = request.session_timeout_ms;
  fresh.rebalance_timeout_ms = request.rebalance_timeout_ms;
  fresh.protocols = std::move(request.protocols);
  fresh.is_new = true;
  Member& member = group.add(std::move(fresh), request.protocol_type);
  park_join(group, member, caller.ticket, out);
  alarms_.set(member.session, now.steady_ms + kNewMemberJoinTimeoutMs,
              {AlarmKind::session, group.id(), id});
  if (group.waits_initially) group.newcomer_in_wait = true;
  if (!group.is(GroupState::preparing_rebalance)) prepare_rebalance(group, now, out);
}

void Coordinator::rejoin(Group& group, Member& member, const Caller& caller, JoinRequest& request,
                         Now now, Output& out) {
  member.connection = caller.connection;
  member.session_timeout_ms = request.session_timeout_ms;
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  group.set_protocols(member, std::move(request.protocols));
  park_join(group, member, caller.ticket, out);
  if (!group.is(GroupState::preparing_rebalance)) prepare_rebalance(group, now, out);
}

// A JoinGroup that its client sent again takes the place of the first: nobody reads that answer.
void Coordinator::park_join(Group& group, Member& member, Ticket ticket, Output& out) {
  if (const auto earlier = group.take_join(member)) {
    out.answer(*earlier, refused(member.who.member, GroupError::rebalance_in_progress));
  }
  group.park_join(member, ticket);
}

// KIP-345: the instance goes on under another member id, with its assignment and without a
// rebalance. Whoever still uses the old id is fenced.
void Coordinator::join_static(Group& group, const Caller& caller, JoinRequest& request,
                              const std::string& new_id, Now now, Output& out) {
  const std::string old_id = *group.member_of_instance(*request.who.instance);
  const std::string old_leader = group.leader().value_or("");
  Member& old = *group.find(old_id);
  if (const auto join = group.take_join(old))
    out.answer(*join, refused(old_id, GroupError::fenced_instance_id));
  if (const auto sync = std::exchange(old.sync, std::nullopt))
    out.answer(*sync, SyncReply{GroupError::fenced_instance_id});
  answer_heartbeat(group, old, GroupError::fenced_instance_id, out);
  alarms_.cancel(old.session, {AlarmKind::session, group.id(), old_id});

  Member& member = group.rename(old_id, new_id);
  std::vector<Protocol> old_protocols = member.protocols;
  member.connection = caller.connection;
  member.client_id = caller.client_id;
  member.client_host = caller.client_host;
  member.session_timeout_ms = request.session_timeout_ms;
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  group.set_protocols(member, std::move(request.protocols));
  group.park_join(member, caller.ticket);
  expect_heartbeat(group, member, now);
  if (group.is(GroupState::preparing_rebalance)) return;
  if (!group.is(GroupState::stable) || group.choose_protocol() != group.protocol())
    return prepare_rebalance(group, now, out);
  append({GroupChange{{group.id()}, group.metadata()}},
         StaticSwap{group.id(), group.generation(), caller.ticket, old_leader, old_id, new_id,
                    std::move(old_protocols)},
         out);
}

void Coordinator::ended(StaticSwap& swap, AppendResult result, Now now, Output& out) {
  if (phase_ != Phase::active) return;  // answered with all that waited in JoinGroup
  Group* group = find(swap.group);
  Member* member = group != nullptr ? group->find(swap.new_member) : nullptr;
  // Since then a rebalance may have begun, which answers the JoinGroup itself.
  if (member == nullptr || member->join() != swap.ticket || !group->is(GroupState::stable) ||
      group->generation() != swap.generation) {
    return;
  }
  group->take_join(*member);
  if (result != AppendResult::done) {
    group->set_protocols(*member, std::move(swap.old_protocols));
    answer_heartbeat(*group, *member, GroupError::unknown_member_id, out);  // of one who knows the new id already
    alarms_.cancel(member->session, {AlarmKind::session, group->id(), swap.new_member});
    expect_heartbeat(*group, group->rename(swap.new_member, swap.old_member), now);
    out.answer(swap.ticket, refused("", error_of_group_append(result)));
    return;
  }
  expect_heartbeat(*group, *member, now);
  // The old leader's id: a leader that came again must not take itself for one, because nobody
  // would wait for its assignment.
  JoinReply reply = join_reply(*group, *member);
  reply.leader = swap.leader;
  reply.members.clear();
  out.answer(swap.ticket, std::move(reply));
}

}  // namespace ringmain::coordination
