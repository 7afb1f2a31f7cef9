// OffsetCommit, OffsetFetch, OffsetDelete, and topics that go.
#include <algorithm>
#include <utility>

#include "coordination/append_errors.hpp"
#include "coordination/coordinator.hpp"

namespace ringmain::coordination {
namespace {

// A thousand years: so that a client's number cannot overflow a time.
constexpr int64_t kLongestRetentionMs = int64_t{1000} * 365 * 24 * 3600 * 1000;

}  // namespace

GroupError Coordinator::may_commit(const Group& group, const CommitRequest& request) const {
  if (group.is(GroupState::dead)) return GroupError::coordinator_not_available;
  if (request.generation < 0 && group.is(GroupState::empty)) return GroupError::none;
  const bool names_a_member =
      request.generation >= 0 || !request.who.member.empty() || request.who.instance;
  // A consumer that assigns partitions to itself must not move a live group's offsets.
  if (!names_a_member) return GroupError::unknown_member_id;
  if (const auto error = group.check(request.who); error != GroupError::none) return error;
  if (request.generation != group.generation()) return GroupError::illegal_generation;
  return GroupError::none;
}

void Coordinator::commit(const Caller& caller, const CommitRequest& request, Now now, Output& out) {
  const auto refuse = [&](GroupError error) {
    out.answer(caller.ticket, CommitReply{std::vector<GroupError>(request.offsets.size(), error)});
  };
  if (const auto error = refusal(request.group)) return refuse(*error);
  Group* group = find(request.group);
  if (group == nullptr) {
    if (request.generation >= 0) return refuse(GroupError::illegal_generation);
    group = &groups_.emplace(request.group, Group(request.group)).first->second;
  }
  if (const auto error = may_commit(*group, request); error != GroupError::none) {
    refuse(error);
    return forget_if_blank(request.group);
  }
  if (Member* member = group->find(request.who.member)) {
    if (!member->is_new) expect_heartbeat(*group, *member, now);
    // The assignment under which it read is over, and the next is not out. While members join, on
    // the other hand, they are to commit what they did before they give it up.
    if (group->is(GroupState::completing_rebalance))
      return refuse(GroupError::rebalance_in_progress);
  }

  const size_t metadata_max_bytes = std::min(
      static_cast<size_t>(std::max(0, config_.offset_metadata_max_bytes)), kMaxStringBytes);
  Commit commit{caller.ticket, std::vector<GroupError>(request.offsets.size())};
  std::vector<Change> changes;
  for (size_t i = 0; i < request.offsets.size(); ++i) {
    const OffsetToCommit& one = request.offsets[i];
    if (one.metadata.size() > metadata_max_bytes) {
      commit.errors[i] = GroupError::offset_metadata_too_large;
    } else if (one.partition.topic.size() > kMaxStringBytes) {
      commit.errors[i] = GroupError::unknown_topic_or_partition;
    } else {
      CommittedOffset value{one.offset, one.leader_epoch, one.metadata, now.real_ms};
      if (request.retention_ms) {
        value.expires_ms =
            now.real_ms + std::clamp<int64_t>(*request.retention_ms, 0, kLongestRetentionMs);
      }
      changes.emplace_back(OffsetChange{{group->id(), one.partition}, std::move(value)});
    }
  }
  if (changes.empty()) {
    out.answer(caller.ticket, CommitReply{std::move(commit.errors)});
    return forget_if_blank(request.group);
  }
  append(std::move(changes), std::move(commit), out);
}

void Coordinator::ended(Commit& commit, AppendResult result, Now, Output& out) {
  for (GroupError& error : commit.errors) {
    if (error == GroupError::none) error = error_of_commit_append(result);
  }
  out.answer(commit.ticket, CommitReply{std::move(commit.errors)});
}

FetchReply Coordinator::fetch(const std::string& id,
                              const std::vector<TopicPartition>* partitions) const {
  FetchReply reply;
  if (const auto error = refusal(id)) {
    reply.error = *error;
    return reply;
  }
  const Group* group = find(id);
  const bool known = group != nullptr && !group->is(GroupState::dead);
  if (partitions == nullptr) {
    if (!known) return reply;
    for (const auto& [partition, committed] : group->offsets) {
      reply.offsets.push_back(
          {partition, committed.offset, committed.leader_epoch, committed.metadata});
    }
    return reply;
  }
  for (const TopicPartition& partition : *partitions) {
    FetchedOffset& fetched = reply.offsets.emplace_back();
    fetched.partition = partition;
    if (!known) continue;
    if (const auto found = group->offsets.find(partition); found != group->offsets.end()) {
      fetched.offset = found->second.offset;
      fetched.leader_epoch = found->second.leader_epoch;
      fetched.metadata = found->second.metadata;
    }
  }
  return reply;
}

// Also of offsets whose commit is still on its way: the tombstone follows it in the log.
std::vector<Change> Coordinator::tombstones(const Group& group,
                                            const std::vector<TopicPartition>& of) const {
  std::vector<Change> changes;
  for (const TopicPartition& partition : of) {
    if (group.offsets.contains(partition) || group.commits_in_flight.contains(partition))
      changes.emplace_back(OffsetChange{{group.id(), partition}, std::nullopt});
  }
  return changes;
}

void Coordinator::delete_offsets(const Caller& caller, const std::string& id,
                                 const std::vector<TopicPartition>& partitions, Now, Output& out) {
  const auto refuse = [&](GroupError error) {
    out.answer(caller.ticket, DeleteOffsetsReply{error});
  };
  if (id.empty()) return refuse(GroupError::invalid_group_id);
  if (const auto error = refusal(id)) return refuse(*error);
  const Group* group = find(id);
  if (group == nullptr || group->is(GroupState::dead))
    return refuse(GroupError::group_id_not_found);
  const bool in_use = !group->is(GroupState::empty);
  if (in_use && group->protocol_type() != "consumer") return refuse(GroupError::non_empty_group);

  OffsetsGone gone{caller.ticket, {}};
  std::vector<TopicPartition> eligible;
  for (const TopicPartition& partition : partitions) {
    const bool read = in_use && group->is_subscribed_to(partition.topic);
    gone.errors.push_back(read ? GroupError::group_subscribed_to_topic : GroupError::none);
    if (!read) eligible.push_back(partition);
  }
  std::vector<Change> changes = tombstones(*group, eligible);
  if (changes.empty()) {
    out.answer(caller.ticket, DeleteOffsetsReply{GroupError::none, std::move(gone.errors)});
    return;
  }
  append(std::move(changes), std::move(gone), out);
}

void Coordinator::ended(OffsetsGone& gone, AppendResult result, Now, Output& out) {
  const GroupError error = error_of_commit_append(result);
  if (error != GroupError::none) gone.errors.clear();
  out.answer(gone.ticket, DeleteOffsetsReply{error, std::move(gone.errors)});
}

void Coordinator::topic_deleted(const std::string& topic, Now, Output& out) {
  if (phase_ != Phase::active) return;
  for (const auto& [id, group] : groups_) {
    if (group.is(GroupState::dead)) continue;
    std::set<TopicPartition> of;
    for (const auto& [partition, committed] : group.offsets) {
      if (partition.topic == topic) of.insert(partition);
    }
    for (const auto& [partition, count] : group.commits_in_flight) {
      if (partition.topic == topic) of.insert(partition);
    }
    if (!of.empty()) append(tombstones(group, {of.begin(), of.end()}), Nothing{}, out);
  }
}

}  // namespace ringmain::coordination
