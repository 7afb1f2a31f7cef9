#include "broker/groups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "coordination/group_partition.hpp"
#include "kafka/batch_builder.hpp"

namespace ringmain::broker {
namespace {

using coordination::AppendResult;
using coordination::GroupError;
using coordination::kOffsetsTopic;

constexpr std::int32_t kLoadStepBytes = 1 << 20;  // read between other work
constexpr std::int32_t kAppendTimeoutMs = 5000;   // offsets.commit.timeout.ms
constexpr std::size_t kLargestRecords = 256u << 20;
constexpr std::chrono::seconds kLoadAgain{5};

AppendResult result_of(const std::optional<Error>& error) noexcept {
  if (!error) return AppendResult::done;
  switch (error->code) {
    case ErrorCode::request_timed_out:
      return AppendResult::timed_out;
    case ErrorCode::message_too_large:
      return AppendResult::too_large;
    case ErrorCode::unknown_topic_or_partition:
      return AppendResult::not_enough_replicas;
    case ErrorCode::kafka_storage_error:
      return AppendResult::not_leader;
    default:
      return AppendResult::failed;
  }
}

std::string_view text_of(const kafka::Bytes& bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
kafka::Bytes bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

}  // namespace

Groups::Groups(Links links, const GroupsConfig& config) : links_(std::move(links)), config_(config) {
  static_cast<void>(open_topic());
}

coordination::Now Groups::now() { return {now_steady_ns() / 1'000'000, now_real_ms()}; }

bool Groups::open_topic() {
  if (coordinators_) return true;
  const auto topic = links_.topics.find(kOffsetsTopic);
  if (!topic) return false;
  ++life_;
  partitions_ = static_cast<std::int32_t>(topic->partitions);
  coordination::OffsetsLog& log = *this;
  coordinators_ = std::make_unique<coordination::Coordinators>(config_.groups, partitions_, os_entropy64(), log);
  for (std::int32_t partition = 0; partition < partitions_; ++partition) {
    coordinators_->begin_loading(partition);
    load(partition);
  }
  return true;
}

GroupError Groups::ready_for(const std::string&) {
  if (open_topic()) return GroupError::none;
  gateway::NewTopic topic{kOffsetsTopic, config_.partitions, -1, {{"cleanup.policy", "compact"}, {"segment.bytes", "104857600"}}, {}};
  if (const auto created = links_.topics.create(topic, gateway::Commit::apply); !created) {
    links_.log(fmt::format("cannot make the topic {}, without which no group can be served: {}", kOffsetsTopic,
                           created.error().message));
    return GroupError::coordinator_not_available;
  }
  return open_topic() ? GroupError::none : GroupError::coordinator_not_available;
}

void Groups::load(std::int32_t partition) {
  links_.loop.post([this, partition, life = life_] {
    if (life != life_) return;
    const auto end = links_.records.end_offset(kOffsetsTopic, partition);
    const auto start = links_.records.first_offset(kOffsetsTopic, partition);
    if (!start || !end) return load_later(partition, (start ? end : start).error());
    load_step(partition, *start, *end);
  });
}

// From the start: records that are replayed twice change nothing.
void Groups::load_later(std::int32_t partition, const Error& why) {
  links_.log(fmt::format("the groups of {}-{} are not served, and tried again in {} s: {}", kOffsetsTopic, partition,
                         kLoadAgain.count(), why.message));
  load_again_[partition] = links_.loop.call_after(kLoadAgain, [this, partition, life = life_] {
    if (life == life_) load(partition);
  });
}

void Groups::load_step(std::int32_t partition, std::int64_t offset, std::int64_t end_offset) {
  if (offset >= end_offset) return loaded(partition);
  gateway::FetchOptions options;
  options.max_bytes = kLoadStepBytes;
  const auto take = [this, partition, offset, end_offset, life = life_](std::vector<gateway::FetchedRecords> results) {
    if (life != life_) return;
    const gateway::FetchedRecords& read = results.front();
    if (read.error) return load_later(partition, *read.error);
    const std::int64_t next = replay(partition, read, offset);
    links_.loop.post([this, partition, next, end_offset, life] {
      if (life == life_) load_step(partition, next, end_offset);
    });
  };
  links_.records.fetch({{kOffsetsTopic, partition, offset, kLoadStepBytes}}, options, take);
}

// Gives the offset behind what was read.
std::int64_t Groups::replay(std::int32_t partition, const gateway::FetchedRecords& read, std::int64_t offset) {
  std::int64_t next = offset;
  for (kafka::Records::Piece left : read.records.pieces()) {
    while (!left.empty()) {  // a batch a turn
      const auto batch = kafka::RecordBatch::parse(left, kafka::CheckCrc::no);
      if (!batch) break;  // nobody but us writes here: the rest of this piece is passed over below
      left = left.subspan(batch->bytes().size());
      next = std::max(next, batch->header().base_offset + batch->header().offset_count());
      const auto content = kafka::BatchContent::of(*batch, kLargestRecords);
      if (!content) continue;
      for (kafka::RecordWalk walk(*batch, content->records()); walk.next();) {
        const kafka::BatchRecord& found = walk.record();
        if (found.offset < offset || !found.key) continue;
        coordination::Record record{bytes_of(*found.key), std::nullopt};
        if (found.value) record.value = bytes_of(*found.value);
        if (const Status taken = coordinators_->replay(partition, record); !taken)
          links_.log(fmt::format("offset {} of {}-{} was passed over: {}", found.offset, kOffsetsTopic, partition,
                                 taken.error().message));
      }
    }
  }
  return std::max(next, offset + 1);  // nothing could be read there: it must not hold up the rest
}

void Groups::loaded(std::int32_t partition) {
  coordinators_->finish_loading(partition, now());
  set_alarm();
}

// One batch: it is there whole, or not at all.
void Groups::append(std::int32_t partition, coordination::AppendId id, const std::vector<coordination::Record>& records) {
  kafka::BatchBuilder builder;
  std::int64_t offset = 0;
  const std::int64_t now_ms = now_real_ms();
  for (const coordination::Record& record : records) {
    kafka::NewRecord added{offset++, now_ms, text_of(record.key), std::nullopt};
    if (record.value) added.value = text_of(*record.value);
    builder.add(added);
  }
  const kafka::Bytes bytes = builder.finish();
  const auto ended = [this, partition, id, life = life_](const std::optional<Error>& error) {
    if (life != life_) return;
    coordinators_->append_done(partition, id, result_of(error), now());
    set_alarm();
  };
  const auto batch = kafka::RecordBatch::parse(bytes, kafka::CheckCrc::no);
  if (!batch) return ended(batch.error());
  gateway::AppendOptions options;
  options.timeout_ms = kAppendTimeoutMs;
  links_.records.append({{kOffsetsTopic, partition, batch->header(), bytes}}, options,
                        [ended](std::vector<gateway::Appended> results) { ended(results.front().error); });
}

void Groups::set_alarm() {
  const auto due_ms = coordinators_->next_tick_ms();
  if (due_ms == alarm_ms_) return;
  alarm_ms_ = due_ms;
  alarm_.cancel();
  if (!due_ms) return;
  const std::int64_t left_ms = std::max<std::int64_t>(*due_ms - now().steady_ms, 0);
  alarm_ = links_.loop.call_after(std::chrono::milliseconds(left_ms), [this] {
    alarm_ms_.reset();
    if (!coordinators_) return;
    coordinators_->tick(now());
    set_alarm();
  });
}

// Requests may come without a FindCoordinator before: a client has one from an earlier broker.
void Groups::join(Caller caller, coordination::JoinRequest request, Done<coordination::JoinReply> done) {
  coordination::JoinReply refused;
  if ((refused.error = ready_for(request.group)) != GroupError::none) return done(refused);
  coordinators_->join(std::move(caller), std::move(request), now(), std::move(done));
  set_alarm();
}

void Groups::sync(Caller caller, coordination::SyncRequest request, Done<coordination::SyncReply> done) {
  coordination::SyncReply refused;
  if ((refused.error = ready_for(request.group)) != GroupError::none) return done(refused);
  coordinators_->sync(std::move(caller), std::move(request), now(), std::move(done));
  set_alarm();
}

GroupError Groups::heartbeat(const coordination::HeartbeatRequest& request) {
  if (const GroupError error = ready_for(request.group); error != GroupError::none) return error;
  const GroupError answer = coordinators_->heartbeat(request, now());
  set_alarm();
  return answer;
}

void Groups::await_rebalance(Caller caller, const coordination::AwaitRequest& request,
                             Done<coordination::HeartbeatReply> done) {
  if (const GroupError error = ready_for(request.heartbeat.group); error != GroupError::none) return done({error});
  coordinators_->await_rebalance(std::move(caller), request, now(), std::move(done));
  set_alarm();
}

coordination::LeaveReply Groups::leave(const coordination::LeaveRequest& request) {
  coordination::LeaveReply reply;
  if ((reply.error = ready_for(request.group)) != GroupError::none) return reply;
  reply = coordinators_->leave(request, now());
  set_alarm();
  return reply;
}

void Groups::commit(Caller caller, const coordination::CommitRequest& request, Done<coordination::CommitReply> done) {
  if (const GroupError error = ready_for(request.group); error != GroupError::none)
    return done({std::vector<GroupError>(request.offsets.size(), error)});
  coordinators_->commit(std::move(caller), request, now(), std::move(done));
  set_alarm();
}

coordination::FetchReply Groups::fetch(const std::string& group, const std::vector<coordination::TopicPartition>* partitions) {
  coordination::FetchReply reply;
  if ((reply.error = ready_for(group)) != GroupError::none) return reply;
  return coordinators_->fetch(group, partitions);
}

void Groups::delete_offsets(Caller caller, const std::string& group,
                            const std::vector<coordination::TopicPartition>& partitions,
                            Done<coordination::DeleteOffsetsReply> done) {
  coordination::DeleteOffsetsReply refused;
  if ((refused.error = ready_for(group)) != GroupError::none) return done(refused);
  coordinators_->delete_offsets(std::move(caller), group, partitions, now(), std::move(done));
  set_alarm();
}

// A bus that never had a group has none: looking makes no topic.
coordination::Description Groups::describe(const std::string& group) {
  if (open_topic()) return coordinators_->describe(group);
  coordination::Description none;
  none.state = "Dead";
  return none;
}

coordination::Listing Groups::list(const std::vector<std::string>& states) {
  return open_topic() ? coordinators_->list(states) : coordination::Listing{};
}

void Groups::delete_group(Caller caller, const std::string& group, Done<coordination::DeleteGroupReply> done) {
  if (!open_topic()) return done({GroupError::group_id_not_found});
  coordinators_->delete_group(std::move(caller), group, now(), std::move(done));
  set_alarm();
}

void Groups::closed(const net::Connection& connection) {
  if (!coordinators_ || stopping_ || connection.transport() != net::Transport::unix_socket) return;
  coordinators_->connection_gone(coordination::ConnectionId(connection.id().value()), now());
  set_alarm();
}

void Groups::topic_deleted(const std::string& topic) {
  if (!coordinators_) return;
  if (topic != kOffsetsTopic) {
    coordinators_->topic_deleted(topic, now());
    return set_alarm();
  }
  links_.log(fmt::format("{} was deleted: groups and their offsets are gone with it", kOffsetsTopic));
  ++life_;
  for (std::int32_t partition = 0; partition < partitions_; ++partition) coordinators_->resign(partition);
  coordinators_.reset();
  alarm_.cancel();
  alarm_ms_.reset();
}

}  // namespace ringmain::broker
