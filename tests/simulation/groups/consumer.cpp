// The client side of the group protocol.
#include "simulation/groups/consumer.hpp"

#include <algorithm>
#include <utility>

#include "kafka/consumer_protocol.hpp"

namespace ringmain::coordination::test {
namespace {

constexpr const char* kTopic = "t";
constexpr int64_t kRequestTimeoutMs = 5'000;

std::set<int32_t> partitions_in(const std::vector<kafka::TopicPartitions>& topics) {
  std::set<int32_t> out;
  for (const auto& topic : topics) out.insert(topic.partitions.begin(), topic.partitions.end());
  return out;
}

Bytes encode_part(const std::set<int32_t>& part) {
  return kafka::encode(kafka::ConsumerAssignment{{{kTopic, {part.begin(), part.end()}}}, {}})
      .value();
}

}  // namespace

// `what` may run much later: it keeps all that it needs.
void Consumer::when_awake(std::function<void()> what) {
  if (!alive_) return;
  if (world_.now_ms >= stalled_until_ms_) return what();
  world_.at(stalled_until_ms_ - world_.now_ms,
            [self = shared_from_this(), what] { self->when_awake(what); });
}

void Consumer::later(int64_t ms, void (Consumer::*what)()) {
  world_.at(ms, [self = shared_from_this(), what] {
    self->when_awake([self, what] { (self.get()->*what)(); });
  });
}

void Consumer::start() {
  later(0, &Consumer::join);
  later(3000, &Consumer::beat);
  later(2000 + static_cast<int64_t>(world_.random.below(3000)), &Consumer::commit);
  later(4000, &Consumer::watch_partitions);
}

void Consumer::kill() {
  alive_ = false;
  ++world_.tally.deaths;
  if (options_.is_local) world_.connection_gone(connection_);
}

void Consumer::leave() {
  if (options_.instance || id_.empty()) return kill();  // a static member does not say that it goes
  const LeaveRequest request{options_.group, {name()}};
  world_.call<LeaveReply>(
      [self = shared_from_this(), request](Coordinator& coordinator) {
        Output out;
        const LeaveReply reply = coordinator.leave(request, self->world_.now(), out);
        self->world_.carry_out(out);
        if (reply.error == GroupError::none && reply.members.at(0) == GroupError::none)
          self->world_.audit.out(request.group, request.members[0].member);
        return reply;
      },
      [](const LeaveReply&) {});
  alive_ = false;
}

void Consumer::rejoin_soon() {
  phase_ = Phase::joining;
  ++attempt_;
  later(1, &Consumer::join);
}

void Consumer::lose_everything() {
  owned_.clear();
  generation_ = -1;
  leads_ = false;
}

// What Kafka's clients do on each error, whichever request it came from.
void Consumer::failed(GroupError error) {
  switch (error) {
    case GroupError::fenced_instance_id:
      alive_ = false;  // fatal: another process has this instance id
      ++world_.tally.fenced;
      return;
    case GroupError::unknown_member_id:
      id_.clear();
      lose_everything();
      break;
    case GroupError::illegal_generation:
      lose_everything();
      break;
    default:
      break;
  }
  phase_ = Phase::joining;
  ++attempt_;
  later(100, &Consumer::join);
}

void Consumer::join() {
  if (phase_ != Phase::joining) return;
  if (options_.assignor == Assignor::eager) owned_.clear();  // given up before joining
  leads_ = false;
  JoinRequest request{options_.group,
                      name(),
                      options_.new_members,
                      options_.session_timeout_ms,
                      options_.rebalance_timeout_ms,
                      "consumer"};
  const kafka::ConsumerSubscription subscription{
      {kTopic}, {}, {{kTopic, {owned_.begin(), owned_.end()}}}, generation_};
  const char* protocol = options_.assignor == Assignor::eager ? "range" : "cooperative-sticky";
  request.protocols.push_back({protocol, kafka::encode(subscription).value()});
  const uint64_t attempt = ++attempt_;
  ++world_.tally.joins;
  const std::string asked_as = id_;
  auto self = shared_from_this();
  world_.ask(
      [self, request](Coordinator& coordinator, const Caller& caller, Output& out) {
        coordinator.join(caller, request, self->world_.now(), out);
      },
      caller(),
      [self, asked_as](const Reply& any) {
        const auto& reply = std::get<JoinReply>(any);
        const std::string& group = self->options_.group;
        if (reply.error == GroupError::unknown_member_id && !asked_as.empty())
          self->world_.audit.out(group, asked_as);
        if (reply.error == GroupError::none)
          self->world_.newest_generation[group] = reply.generation;
        if (reply.error == GroupError::none && self->options_.instance)
          self->world_.audit.static_member(group, *self->options_.instance, reply.member);
      },
      [self, attempt](const Reply& any) {
        self->when_awake([self, attempt, any] {
          if (self->expects(attempt)) self->joined(std::get<JoinReply>(any));
        });
      });
  world_.at(options_.rebalance_timeout_ms + kRequestTimeoutMs, [self, attempt] {
    self->when_awake([self, attempt] {
      if (!self->expects(attempt) || self->phase_ != Phase::joining) return;
      // The others waited for it no longer than this. A static member is not told that it was
      // passed over, so a careful client knows by itself that it may own nothing any more.
      self->lose_everything();
      self->join();
    });
  });
}

void Consumer::joined(const JoinReply& reply) {
  if (reply.error == GroupError::member_id_required) {
    id_ = reply.member;
    return join();
  }
  if (reply.error != GroupError::none) return failed(reply.error);
  id_ = reply.member;
  generation_ = reply.generation;
  leads_ = reply.leader == reply.member;
  sync(leads_ ? assign(reply.members) : std::vector<std::pair<std::string, Bytes>>{});
}

void Consumer::sync(std::vector<std::pair<std::string, Bytes>> assignments) {
  phase_ = Phase::syncing;
  const uint64_t attempt = ++attempt_;
  SyncRequest request{options_.group, name(), generation_, {}, {}, std::move(assignments)};
  auto self = shared_from_this();
  world_.ask(
      [self, request](Coordinator& coordinator, const Caller& caller, Output& out) {
        coordinator.sync(caller, request, self->world_.now(), out);
      },
      caller(),
      [self, generation = generation_, owner = owner()](const Reply& any) {
        const auto& reply = std::get<SyncReply>(any);
        if (reply.error == GroupError::none)
          self->world_.audit.assigned(self->options_.group, generation, owner, reply.assignment);
      },
      [self, attempt](const Reply& any) {
        self->when_awake([self, attempt, any] {
          if (self->expects(attempt)) self->synced(std::get<SyncReply>(any));
        });
      });
  world_.at(kRequestTimeoutMs, [self, attempt] {
    self->when_awake([self, attempt] {
      if (self->expects(attempt) && self->phase_ == Phase::syncing) self->rejoin_soon();
    });
  });
}

void Consumer::synced(const SyncReply& reply) {
  if (reply.error != GroupError::none) return failed(reply.error);
  std::set<int32_t> part;
  if (!reply.assignment.empty())
    part = partitions_in(kafka::decode_assignment(reply.assignment).value().partitions);
  const bool gives_up = !std::ranges::includes(part, owned_);
  owned_ = std::move(part);
  phase_ = Phase::stable;
  // What it gave up waits for the next generation, which it begins.
  if (options_.assignor == Assignor::cooperative && gives_up) rejoin_soon();
}

// Eager: everything anew. Cooperative: everybody keeps a fair share of what they hold, and only
// what nobody holds is given away.
std::vector<std::pair<std::string, Bytes>> Consumer::assign(
    const std::vector<JoinedMember>& members) const {
  assigned_partitions_ = world_.partitions;
  const auto partitions = static_cast<size_t>(world_.partitions);
  const size_t share = (partitions + members.size() - 1) / members.size();
  std::vector<std::set<int32_t>> parts(members.size());
  std::map<int32_t, std::pair<int32_t, size_t>> holders;  // partition -> generation, member
  for (size_t i = 0; i < members.size() && options_.assignor == Assignor::cooperative; ++i) {
    const auto subscription = kafka::decode_subscription(members[i].metadata).value();
    for (const int32_t partition : partitions_in(subscription.owned)) {
      const std::pair claim{subscription.generation, i};
      if (const auto found = holders.find(partition); found == holders.end()) {
        holders.emplace(partition, claim);
      } else {
        found->second = std::max(found->second, claim);
      }
    }
  }
  for (const auto& [partition, holder] : holders) {
    auto& part = parts[holder.second];
    if (part.size() < share && partition < world_.partitions) part.insert(partition);
  }
  for (int32_t partition = 0; partition < world_.partitions; ++partition) {
    if (holders.contains(partition)) continue;
    std::ranges::min_element(parts, {}, &std::set<int32_t>::size)->insert(partition);
  }
  if (world_.bug == Bug::two_owners) parts.back().insert(0);
  std::vector<std::pair<std::string, Bytes>> out;
  for (size_t i = 0; i < members.size(); ++i)
    out.emplace_back(members[i].who.member, encode_part(parts[i]));
  return out;
}

void Consumer::beat() {
  later(3000, &Consumer::beat);
  if (phase_ != Phase::stable) return;
  const HeartbeatRequest request{options_.group, name(), generation_};
  if (options_.is_local) return await_rebalance(request);
  auto self = shared_from_this();
  world_.call<GroupError>(
      [self, request](Coordinator& coordinator) {
        const GroupError error = coordinator.heartbeat(request, self->world_.now());
        if (error == GroupError::unknown_member_id)
          self->world_.audit.out(request.group, request.who.member);
        return error;
      },
      [self, attempt = attempt_](const GroupError& error) {
        self->when_awake([self, attempt, error] {
          if (self->expects(attempt)) self->beaten(error);
        });
      });
}

// The answer comes when there is something to tell, or after more than a beat: then another waits.
void Consumer::await_rebalance(const HeartbeatRequest& request) {
  constexpr int32_t kMaxWaitMs = 4'000;
  auto self = shared_from_this();
  world_.ask(
      [self, request](Coordinator& coordinator, const Caller& caller, Output& out) {
        coordinator.await_rebalance(caller, {request, kMaxWaitMs}, self->world_.now(), out);
      },
      caller(),
      [self, request](const Reply& any) {
        if (std::get<HeartbeatReply>(any).error == GroupError::unknown_member_id)
          self->world_.audit.out(request.group, request.who.member);
      },
      [self, attempt = attempt_](const Reply& any) {
        self->when_awake([self, attempt, error = std::get<HeartbeatReply>(any).error] {
          if (self->expects(attempt)) self->beaten(error);
        });
      });
}

void Consumer::beaten(GroupError error) {
  if (phase_ != Phase::stable || error == GroupError::none) return;
  if (error == GroupError::rebalance_in_progress) return rejoin_soon();
  if (error == GroupError::unknown_member_id || error == GroupError::illegal_generation ||
      error == GroupError::fenced_instance_id) {
    failed(error);
  }
}

void Consumer::commit() {
  later(5000, &Consumer::commit);
  if (owned_.empty() || generation_ < 0 || phase_ == Phase::syncing) return;
  // While it joins again, a cooperative member still works on what it holds.
  CommitRequest request{options_.group, name(), generation_, {}, {}};
  ++position_;
  for (const int32_t partition : owned_) {
    request.offsets.push_back(
        {{kTopic, partition}, position_, -1, commit_note(generation_, owner())});
  }
  auto self = shared_from_this();
  auto was_out = std::make_shared<bool>(false);
  world_.ask(
      [self, request, was_out](Coordinator& coordinator, const Caller& caller,
                               Output& out) mutable {
        *was_out = self->world_.audit.is_out(request.group, request.who.member);
        if (self->world_.bug == Bug::generations_ignored) {
          const Description group = coordinator.describe(request.group);
          if (!group.members.empty()) {
            request.who = group.members.front().who;
            request.generation = self->world_.newest_generation[request.group];
          }
        }
        coordinator.commit(caller, request, self->world_.now(), out);
      },
      caller(),
      [self, member = id_, was_out](const Reply& any) {
        const auto& errors = std::get<CommitReply>(any).partitions;
        if (std::ranges::count(errors, GroupError::none) != 0)
          self->world_.audit.committed(self->options_.group, member, *was_out);
      },
      [self, attempt = attempt_](const Reply& any) {
        self->when_awake([self, attempt, any] {
          const GroupError error = std::get<CommitReply>(any).partitions.front();
          if (self->expects(attempt)) self->beaten(error);
        });
      });
}

// A leader whose topic has grown begins a rebalance. The coordinator knows nothing of topics.
void Consumer::watch_partitions() {
  later(4000, &Consumer::watch_partitions);
  if (phase_ == Phase::stable && leads_ && assigned_partitions_ != world_.partitions) rejoin_soon();
}

}  // namespace ringmain::coordination::test
