// The coordinator's frame: loading, appends, alarms. The requests are in files of their own.
#include "coordination/coordinator.hpp"

#include <utility>

#include "base/assert.hpp"

namespace ringmain::coordination {

Coordinator::Coordinator(const GroupConfig& config, uint64_t seed, AppendId last_append)
    : config_(config), random_(seed), last_append_(last_append.value()) {}

Status Coordinator::replay(const Record& record) {
  RINGMAIN_ASSERT(phase_ == Phase::loading);
  RINGMAIN_TRY_ASSIGN(change, decode(record));
  if (!change) return {};
  if (auto* offset = std::get_if<OffsetChange>(&*change)) {
    auto& offsets = loaded_offsets_[offset->key.group];
    if (offset->value) {
      offsets.insert_or_assign(offset->key.partition, std::move(*offset->value));
    } else {
      offsets.erase(offset->key.partition);
    }
    if (offsets.empty()) loaded_offsets_.erase(offset->key.group);
    return {};
  }
  auto& group = std::get<GroupChange>(*change);
  if (group.value) {
    loaded_groups_.insert_or_assign(group.key.group, std::move(*group.value));
  } else {
    loaded_groups_.erase(group.key.group);
  }
  return {};
}

void Coordinator::finish_loading(Now now, Output& out) {
  RINGMAIN_ASSERT(phase_ == Phase::loading);
  phase_ = Phase::active;
  next_expiry_ms_ = now.steady_ms + config_.retention_check_ms;
  for (auto& [id, offsets] : std::exchange(loaded_offsets_, {})) {
    groups_.emplace(id, Group(id)).first->second.offsets = std::move(offsets);
  }
  for (const auto& [id, metadata] : std::exchange(loaded_groups_, {})) {
    Group& group = groups_.emplace(id, Group(id)).first->second;
    group.restore(metadata);
    // Nobody knows how long they were silent: each gets a whole session.
    for (auto& [member_id, member] : group.members()) expect_heartbeat(group, member, now);
    if (group.members().size() > static_cast<size_t>(config_.max_members))
      prepare_rebalance(group, now, out);
  }
}

void Coordinator::resign(Output& out) {
  phase_ = Phase::resigned;
  for (auto& [id, group] : groups_) {
    for (auto& [member_id, member] : group.members()) {
      JoinReply join{GroupError::not_coordinator};
      join.member = member_id;
      if (const auto ticket = group.take_join(member)) out.answer(*ticket, join);
      if (member.sync) out.answer(*member.sync, SyncReply{GroupError::not_coordinator});
      if (member.heartbeat)
        out.answer(*member.heartbeat, HeartbeatReply{GroupError::not_coordinator});
    }
  }
  // Each purpose answers by itself; changes that it would make are of no more use.
  groups_.clear();
  alarms_.clear();
  for (auto& [id, flight] : std::exchange(in_flight_, {})) {
    std::visit([&](auto& purpose) { ended(purpose, AppendResult::not_leader, {}, out); },
               flight.purpose);
  }
  next_expiry_ms_ = kNever;
  loaded_groups_.clear();
  loaded_offsets_.clear();
}

std::optional<GroupError> Coordinator::refusal(std::string_view group) const {
  if (group.size() > kMaxStringBytes) return GroupError::invalid_group_id;
  if (phase_ == Phase::loading) return GroupError::coordinator_load_in_progress;
  if (phase_ == Phase::resigned) return GroupError::not_coordinator;
  return std::nullopt;
}

Group* Coordinator::find(const std::string& group) {
  const auto found = groups_.find(group);
  return found != groups_.end() ? &found->second : nullptr;
}

const Group* Coordinator::find(const std::string& group) const {
  const auto found = groups_.find(group);
  return found != groups_.end() ? &found->second : nullptr;
}

void Coordinator::forget_if_blank(const std::string& group) {
  if (const Group* found = find(group); found != nullptr && found->is_blank()) groups_.erase(group);
}

void Coordinator::append(std::vector<Change> changes, Purpose purpose, Output& out) {
  Append append{AppendId(++last_append_), {}};
  InFlight flight{std::move(purpose), {}, std::nullopt};
  for (Change& change : changes) {
    auto record = encode(change);
    RINGMAIN_ASSERT(record.has_value());  // no request with a string that is too long gets here
    append.records.push_back(std::move(*record));
    if (auto* offset = std::get_if<OffsetChange>(&change)) {
      ++groups_.at(offset->key.group).commits_in_flight[offset->key.partition];
      flight.offsets.push_back(std::move(*offset));
    }
  }
  in_flight_.emplace(append.id, std::move(flight));
  out.appends.push_back(std::move(append));
}

// The one place where an offset changes, once the log has the record.
void Coordinator::apply(const OffsetChange& change) {
  Group& group = groups_.at(change.key.group);
  if (change.value) {
    group.offsets.insert_or_assign(change.key.partition, *change.value);
  } else {
    group.offsets.erase(change.key.partition);
  }
}

void Coordinator::append_done(AppendId id, AppendResult result, Now now, Output& out) {
  if (phase_ == Phase::resigned) return;  // answered when it resigned
  const auto reported = in_flight_.find(id);
  RINGMAIN_ASSERT(reported != in_flight_.end() && !reported->second.result);
  reported->second.result = result;
  while (!in_flight_.empty() && in_flight_.begin()->second.result) {  // until one that has not ended
    InFlight flight = std::move(in_flight_.begin()->second);
    in_flight_.erase(in_flight_.begin());
    take_effect(flight, now, out);
  }
}

void Coordinator::take_effect(InFlight& flight, Now now, Output& out) {
  for (const OffsetChange& change : flight.offsets) {
    // The group is there: it is forgotten only when nothing of it is in flight.
    auto& counts = groups_.at(change.key.group).commits_in_flight;
    if (const auto count = counts.find(change.key.partition); --count->second == 0)
      counts.erase(count);
    if (*flight.result == AppendResult::done) apply(change);
  }
  std::visit([&](auto& purpose) { ended(purpose, *flight.result, now, out); }, flight.purpose);
}

Alarm* Coordinator::find_alarm(const AlarmName& name) {
  Group* group = find(name.group);
  if (group == nullptr) return nullptr;
  if (name.kind == AlarmKind::rebalance) return &group->rebalance;
  if (name.kind == AlarmKind::session || name.kind == AlarmKind::heartbeat) {
    Member* member = group->find(name.member);
    if (member == nullptr) return nullptr;
    return name.kind == AlarmKind::session ? &member->session : &member->heartbeat_over;
  }
  const auto pending = group->pending.find(name.member);
  return pending != group->pending.end() ? &pending->second.expiry : nullptr;
}

void Coordinator::alarm_fired(const AlarmName& name, Now now, Output& out) {
  Group& group = *find(name.group);
  switch (name.kind) {
    case AlarmKind::session:
      return session_over(group, name.member, now, out);
    case AlarmKind::heartbeat:
      return answer_heartbeat(group, *group.find(name.member), GroupError::none, out);
    case AlarmKind::pending_member:
      remove_pending(group, name.member, now, out);
      return forget_if_blank(name.group);
    case AlarmKind::rebalance:
      if (group.is(GroupState::preparing_rebalance)) return join_wait_over(group, now, out);
      return sync_wait_over(group, now, out);
  }
}

void Coordinator::tick(Now now, Output& out) {
  alarms_.run(
      now.steady_ms, [&](const AlarmName& name) { return find_alarm(name); },
      [&](const AlarmName& name) { alarm_fired(name, now, out); });
  if (now.steady_ms >= next_expiry_ms_) {
    next_expiry_ms_ = now.steady_ms + config_.retention_check_ms;
    expire_offsets(now, out);
  }
}

std::optional<int64_t> Coordinator::next_tick_ms() const {
  const int64_t next = std::min(alarms_.next_ms().value_or(kNever), next_expiry_ms_);
  return next == kNever ? std::nullopt : std::optional(next);
}

void Coordinator::connection_gone(ConnectionId connection, Now now, Output& out) {
  if (connection == ConnectionId{}) return;
  std::vector<std::string> seen;
  for (auto& [id, group] : groups_) {
    std::vector<std::string> gone;
    for (const auto& [member_id, member] : group.members()) {
      if (member.connection == connection && !member.who.instance) gone.push_back(member_id);
    }
    for (const std::string& member : gone) remove_member(group, member, now, out);
    gone.clear();
    for (const auto& [member_id, pending] : group.pending) {
      if (pending.connection == connection) gone.push_back(member_id);
    }
    for (const std::string& member : gone) remove_pending(group, member, now, out);
    seen.push_back(id);
  }
  for (const std::string& group : seen) forget_if_blank(group);
}

}  // namespace ringmain::coordination
