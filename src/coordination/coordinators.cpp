// Routes requests to their coordinators, and what comes of them to the log and to who asked.
#include "coordination/coordinators.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "coordination/group_partition.hpp"

namespace ringmain::coordination {

Coordinators::Coordinators(const GroupConfig& config, int32_t partition_count, uint64_t seed,
                           OffsetsLog& log)
    : config_(config), random_(seed), log_(log) {
  RINGMAIN_ASSERT(partition_count > 0);
  partitions_.resize(static_cast<size_t>(partition_count));
}

int32_t Coordinators::partition_of(const std::string& group) const {
  return group_partition(group, static_cast<int32_t>(partitions_.size()));
}

Coordinator* Coordinators::find(int32_t partition) const {
  return partitions_.at(static_cast<size_t>(partition)).coordinator.get();
}

Coordinator* Coordinators::for_group(const std::string& group) const {
  return find(partition_of(group));
}

void Coordinators::begin_loading(int32_t partition) {
  RINGMAIN_ASSERT(find(partition) == nullptr);
  const AppendId before_first(++lives_ * kAppendsOfOneLife);
  partitions_[static_cast<size_t>(partition)] = {
      std::make_unique<Coordinator>(config_, random_(), before_first), before_first};
}

Status Coordinators::replay(int32_t partition, const Record& record) {
  return find(partition)->replay(record);
}

void Coordinators::finish_loading(int32_t partition, Now now) {
  Output out;
  find(partition)->finish_loading(now, out);
  carry_out(partition, out);
}

void Coordinators::resign(int32_t partition) {
  const auto gone = std::move(partitions_.at(static_cast<size_t>(partition)).coordinator);
  if (gone == nullptr) return;
  Output out;
  gone->resign(out);
  carry_out(partition, out);
}

// Appends go first: what an answer sets off comes behind them in the log.
void Coordinators::carry_out(int32_t partition, Output& out) {
  for (const Append& append : out.appends) log_.append(partition, append.id, append.records);
  for (const Answer& answer : out.answers) {
    const auto waiting = waiting_.find(answer.ticket);
    RINGMAIN_ASSERT(waiting != waiting_.end());
    const Done done = std::move(waiting->second);
    waiting_.erase(waiting);
    done(answer.reply);
  }
  end_appends();
}

void Coordinators::append_done(int32_t partition, AppendId id, AppendResult result, Now now) {
  ended_.push_back({partition, id, result, now});
  end_appends();
}

// A log may report an end within append(), so this may be called within itself: then the outer one
// goes on.
void Coordinators::end_appends() {
  if (std::exchange(ending_, true)) return;
  while (!ended_.empty()) {  // ends: an append's end makes no endless chain of others
    const Ended ended = ended_.front();
    ended_.pop_front();
    Coordinator* coordinator = find(ended.partition);
    // It has resigned since; another may have come.
    const AppendId before_first = partitions_[static_cast<size_t>(ended.partition)].before_first;
    if (coordinator == nullptr || ended.id < before_first) continue;
    Output out;
    coordinator->append_done(ended.id, ended.result, ended.now, out);
    carry_out(ended.partition, out);
  }
  ending_ = false;
}

template <class R>
void Coordinators::ask(Caller& caller, const std::string& group, R refusal,
                       std::function<void(const R&)> done,
                       const std::function<void(Coordinator&, Output&)>& request) {
  const int32_t partition = partition_of(group);
  Coordinator* coordinator = find(partition);
  if (coordinator == nullptr) return done(refusal);
  caller.ticket = Ticket(++last_ticket_);
  waiting_.emplace(caller.ticket,
                   [done = std::move(done)](const Reply& reply) { done(std::get<R>(reply)); });
  Output out;
  request(*coordinator, out);
  carry_out(partition, out);
}

void Coordinators::join(Caller caller, JoinRequest request, Now now,
                        std::function<void(const JoinReply&)> done) {
  const std::string group = request.group;
  JoinReply refusal{GroupError::not_coordinator};
  refusal.member = request.who.member;
  ask<JoinReply>(caller, group, refusal, std::move(done),
                 [&](Coordinator& coordinator, Output& out) {
                   coordinator.join(caller, std::move(request), now, out);
                 });
}

void Coordinators::sync(Caller caller, SyncRequest request, Now now,
                        std::function<void(const SyncReply&)> done) {
  const std::string group = request.group;
  ask<SyncReply>(caller, group, {GroupError::not_coordinator}, std::move(done),
                 [&](Coordinator& coordinator, Output& out) {
                   coordinator.sync(caller, std::move(request), now, out);
                 });
}

void Coordinators::commit(Caller caller, const CommitRequest& request, Now now,
                          std::function<void(const CommitReply&)> done) {
  const CommitReply refusal{
      std::vector<GroupError>(request.offsets.size(), GroupError::not_coordinator)};
  ask<CommitReply>(caller, request.group, refusal, std::move(done),
                   [&](Coordinator& coordinator, Output& out) {
                     coordinator.commit(caller, request, now, out);
                   });
}

void Coordinators::delete_offsets(Caller caller, const std::string& group,
                                  const std::vector<TopicPartition>& partitions, Now now,
                                  std::function<void(const DeleteOffsetsReply&)> done) {
  ask<DeleteOffsetsReply>(caller, group, {GroupError::not_coordinator}, std::move(done),
                          [&](Coordinator& coordinator, Output& out) {
                            coordinator.delete_offsets(caller, group, partitions, now, out);
                          });
}

void Coordinators::delete_group(Caller caller, const std::string& group, Now now,
                                std::function<void(const DeleteGroupReply&)> done) {
  ask<DeleteGroupReply>(caller, group, {GroupError::not_coordinator}, std::move(done),
                        [&](Coordinator& coordinator, Output& out) {
                          coordinator.delete_group(caller, group, now, out);
                        });
}

GroupError Coordinators::heartbeat(const HeartbeatRequest& request, Now now) {
  Coordinator* coordinator = for_group(request.group);
  return coordinator != nullptr ? coordinator->heartbeat(request, now)
                                : GroupError::not_coordinator;
}

void Coordinators::await_rebalance(Caller caller, const AwaitRequest& request, Now now,
                                   std::function<void(const HeartbeatReply&)> done) {
  ask<HeartbeatReply>(caller, request.heartbeat.group, {GroupError::not_coordinator},
                      std::move(done), [&](Coordinator& coordinator, Output& out) {
                        coordinator.await_rebalance(caller, request, now, out);
                      });
}

LeaveReply Coordinators::leave(const LeaveRequest& request, Now now) {
  Coordinator* coordinator = for_group(request.group);
  if (coordinator == nullptr) return {GroupError::not_coordinator};
  Output out;
  LeaveReply reply = coordinator->leave(request, now, out);
  carry_out(partition_of(request.group), out);
  return reply;
}

FetchReply Coordinators::fetch(const std::string& group,
                               const std::vector<TopicPartition>* partitions) const {
  const Coordinator* coordinator = for_group(group);
  return coordinator != nullptr ? coordinator->fetch(group, partitions)
                                : FetchReply{GroupError::not_coordinator};
}

Description Coordinators::describe(const std::string& group) const {
  const Coordinator* coordinator = for_group(group);
  return coordinator != nullptr ? coordinator->describe(group)
                                : Description{GroupError::not_coordinator};
}

Listing Coordinators::list(const std::vector<std::string>& states) const {
  Listing all;
  for (const auto& [coordinator, before_first] : partitions_) {
    if (coordinator == nullptr) continue;
    Listing part = coordinator->list(states);
    if (part.error != GroupError::none) all.error = part.error;
    std::ranges::move(part.groups, std::back_inserter(all.groups));
  }
  return all;
}

void Coordinators::connection_gone(ConnectionId connection, Now now) {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].coordinator == nullptr) continue;
    Output out;
    partitions_[i].coordinator->connection_gone(connection, now, out);
    carry_out(static_cast<int32_t>(i), out);
  }
}

void Coordinators::topic_deleted(const std::string& topic, Now now) {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].coordinator == nullptr) continue;
    Output out;
    partitions_[i].coordinator->topic_deleted(topic, now, out);
    carry_out(static_cast<int32_t>(i), out);
  }
}

void Coordinators::tick(Now now) {
  for (size_t i = 0; i < partitions_.size(); ++i) {
    if (partitions_[i].coordinator == nullptr) continue;
    const auto next = partitions_[i].coordinator->next_tick_ms();
    if (!next || *next > now.steady_ms) continue;
    Output out;
    partitions_[i].coordinator->tick(now, out);
    carry_out(static_cast<int32_t>(i), out);
  }
}

std::optional<int64_t> Coordinators::next_tick_ms() const {
  std::optional<int64_t> soonest;
  for (const auto& [coordinator, before_first] : partitions_) {
    const auto next = coordinator != nullptr ? coordinator->next_tick_ms() : std::nullopt;
    if (next && (!soonest || *next < *soonest)) soonest = next;
  }
  return soonest;
}

}  // namespace ringmain::coordination
