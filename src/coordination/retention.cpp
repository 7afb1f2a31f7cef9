// What goes after a while: offsets that nobody needs any more, and groups that have nothing left.
#include <algorithm>
#include <utility>

#include "coordination/append_errors.hpp"
#include "coordination/coordinator.hpp"

namespace ringmain::coordination {

// A group that is read by nobody keeps its offsets from the day it became empty; a live one loses
// those of topics that it no longer reads; a consumer outside of any group renews its by
// committing.
std::vector<TopicPartition> Coordinator::expired(const Group& group, int64_t real_ms) const {
  const bool idle_group = group.is(GroupState::empty) && group.protocol_type();
  const bool live_consumers = group.is(GroupState::stable) && group.protocol_type() == "consumer" &&
                              group.knows_its_topics();
  const bool alone = group.is(GroupState::empty) && !group.protocol_type();
  std::vector<TopicPartition> out;
  if (!idle_group && !live_consumers && !alone) return out;
  for (const auto& [partition, committed] : group.offsets) {
    if (group.commits_in_flight.contains(partition)) continue;
    if (live_consumers && group.is_subscribed_to(partition.topic)) continue;
    const bool since_empty = idle_group && group.state_since_ms() >= 0;
    const int64_t since_ms = since_empty ? group.state_since_ms() : committed.commit_ms;
    const bool is_over = committed.expires_ms ? real_ms >= *committed.expires_ms
                                              : real_ms - config_.offsets_retention_ms >= since_ms;
    if (is_over) out.push_back(partition);
  }
  return out;
}

void Coordinator::expire_offsets(Now now, Output& out) {
  std::vector<std::string> left_empty;
  for (auto& [id, group] : groups_) {
    const std::vector<TopicPartition> of = expired(group, now.real_ms);
    const bool goes = group.is(GroupState::empty) && group.pending.empty() &&
                      group.commits_in_flight.empty() && of.size() == group.offsets.size();
    if (goes) {
      left_empty.push_back(id);
    } else if (!of.empty()) {
      append(tombstones(group, of), Nothing{}, out);
    }
  }
  for (const std::string& id : left_empty) bury(*find(id), std::nullopt, now, out);
}

// Writes the tombstones of all that the log has of the group; it is forgotten once they are there.
void Coordinator::bury(Group& group, std::optional<Ticket> ticket, Now now, Output& out) {
  std::set<TopicPartition> of;
  for (const auto& [partition, committed] : group.offsets) of.insert(partition);
  for (const auto& [partition, count] : group.commits_in_flight) of.insert(partition);
  std::vector<Change> changes = tombstones(group, {of.begin(), of.end()});
  if (group.generation() > 0) changes.emplace_back(GroupChange{{group.id()}, std::nullopt});
  while (!group.pending.empty()) {  // ends: each turn takes one
    const std::string member = group.pending.begin()->first;
    remove_pending(group, member, now, out);
  }
  if (changes.empty()) {
    if (ticket) out.answer(*ticket, DeleteGroupReply{});
    const std::string id = group.id();
    groups_.erase(id);
    return;
  }
  group.enter(GroupState::dead, now.real_ms);
  append(std::move(changes), GroupGone{group.id(), ticket}, out);
}

void Coordinator::ended(GroupGone& gone, AppendResult result, Now now, Output& out) {
  if (gone.ticket) out.answer(*gone.ticket, DeleteGroupReply{error_of_commit_append(result)});
  if (phase_ != Phase::active) return;
  if (result == AppendResult::done) {
    groups_.erase(gone.group);
  } else {
    groups_.at(gone.group).enter(GroupState::empty, now.real_ms);  // it is all still there
  }
}

}  // namespace ringmain::coordination
