#include "client/group_offsets.hpp"

#include <fmt/format.h>
#include <time.h>

#include <utility>

#include "base/clock.hpp"
#include "kafka/generated/offset_commit.hpp"
#include "kafka/generated/offset_fetch.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kFetchOfOne{2, 7};  // of one group, with an error code of its own

// A static member's name stands in a commit from version 7 on.
Versions commit_versions(const GroupSettings& settings) {
  return {static_cast<std::int16_t>(settings.instance ? 7 : 2),
          kafka::OffsetCommitRequest::max_version};
}

bool is_elsewhere(ErrorCode code) {
  return code == ErrorCode::not_coordinator || code == ErrorCode::coordinator_not_available;
}
constexpr std::int64_t kFirstPauseNs = 1'000'000;
constexpr std::int64_t kLongestPauseNs = 100'000'000;

bool is_passing(ErrorCode code) {
  if (code == ErrorCode::closed || code == ErrorCode::io || code == ErrorCode::broker_unavailable ||
      code == ErrorCode::not_found)
    return true;  // the broker is away
  return static_cast<std::int16_t>(code) > 0 &&
         verdict_on(static_cast<std::int16_t>(code)) == Verdict::again;
}

// Does `attempt` until it succeeds, fails for good, or time is up.
template <class Attempt>
auto insist(const Attempt& attempt, os::Deadline deadline) {
  std::int64_t pause_ns = kFirstPauseNs;
  for (;;) {  // until the deadline
    auto result = attempt();
    if (result || !is_passing(result.error().code) || deadline.poll_timeout_ms() == 0)
      return result;
    const timespec pause{0, pause_ns};
    ::nanosleep(&pause, nullptr);
    pause_ns = std::min(2 * pause_ns, kLongestPauseNs);
  }
}

kafka::OffsetCommitRequest commit_request(const GroupSettings& settings, const Membership& who,
                                          const CommittedOffsets& offsets) {
  kafka::OffsetCommitRequest request;
  request.group_id = settings.group;
  request.generation_id = who.generation;
  request.member_id = who.member;
  if (!who.member.empty()) request.group_instance_id = settings.instance;
  for (const auto& [partition, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != partition.topic)
      request.topics.emplace_back().name = partition.topic;
    auto& wanted = request.topics.back().partitions.emplace_back();
    wanted.partition_index = partition.partition;
    wanted.committed_offset = offset.offset;
    wanted.committed_metadata = offset.metadata;
  }
  return request;
}

// The first that was refused. Those of deleted topics come last: they say nothing about the group.
std::optional<Error> refusal(const GroupSettings& settings,
                             const kafka::OffsetCommitResponse& response) {
  std::optional<Error> unknown;
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == 0) continue;
      const Error error = group_error(settings.group, partition.error_code);
      if (error.code != ErrorCode::unknown_topic_or_partition) return error;
      unknown =
          Error{error.code, fmt::format("group {}: no offset is kept of {}-{}, which is not there",
                                        settings.group, topic.name, partition.partition_index)};
    }
  }
  return unknown;
}

}  // namespace

void GroupOffsets::finish(const std::optional<Error>& error) {
  const UnderWay first = std::move(under_way_.front());
  under_way_.pop_front();
  if (first.done) first.done(first.offsets, error);
}

// What callbacks commit meanwhile is on its way on another connection, and not among the lost.
void GroupOffsets::lose_all(const Error& error) {
  link_.close();
  for (UnderWay& one : std::exchange(under_way_, {})) lost_.emplace_back(std::move(one), error);
  tell_lost();
}

void GroupOffsets::tell_lost() {
  while (!lost_.empty()) {  // ends: callbacks add none
    const auto [one, error] = std::move(lost_.front());
    lost_.pop_front();
    if (one.done) one.done(one.offsets, error);
  }
}

void GroupOffsets::settle(os::Deadline deadline) {
  tell_lost();  // a callback that threw has left the others here
  while (!under_way_.empty()) {  // ends: each turn takes an answer, or returns
    if (link_.owed() == 0)
      return lose_all(
          {ErrorCode::network_exception, "the broker died over a commit; it may be kept"});
    auto response = link_.receive<kafka::OffsetCommitResponse>(deadline);
    if (!response) return lose_all(response.error());
    if (!*response) return;
    const auto refused = refusal(settings_, **response);
    finish(refused);
    if (refused && is_elsewhere(refused->code)) link_.look_elsewhere();
  }
}

void GroupOffsets::commit_later(const Membership& who, const CommittedOffsets& offsets,
                                CommitCallback done) {
  under_way_.push_back({offsets, std::move(done)});
  if (link_.owed() + 1 < under_way_.size()) return;  // the link broke: settle() tells all of them
  static_cast<void>(
      link_.send(commit_request(settings_, who, offsets), commit_versions(settings_)));
}

void GroupOffsets::commit(const Membership& who, const CommittedOffsets& offsets,
                          os::Deadline deadline) {
  settle(deadline);
  if (!under_way_.empty())
    lose_all({ErrorCode::request_timed_out, "the broker does not answer a commit; it may be kept"});
  if (offsets.empty()) return;
  const kafka::OffsetCommitRequest request = commit_request(settings_, who, offsets);
  const Status done = insist(
      [&]() -> Status {
        RINGMAIN_TRY_ASSIGN(response, link_.call<kafka::OffsetCommitResponse>(
                                          request, commit_versions(settings_), deadline));
        const auto refused = refusal(settings_, response);
        if (refused && is_elsewhere(refused->code)) link_.look_elsewhere();
        return refused ? Status(tl::make_unexpected(*refused)) : Status();
      },
      deadline);
  if (!done) throw Exception(done.error());
}

CommittedOffsets GroupOffsets::committed(const std::vector<TopicPartition>& partitions,
                                         os::Deadline deadline) {
  settle(deadline);
  if (!under_way_.empty())
    lose_all({ErrorCode::request_timed_out, "the broker does not answer a commit; it may be kept"});
  kafka::OffsetFetchRequest request;
  request.group_id = settings_.group;
  auto& topics = request.topics.emplace();
  for (auto& topic : by_topic(partitions))
    topics.push_back({topic.topic, std::move(topic.partitions)});
  request.require_stable = true;
  const auto answer = insist(
      [&]() -> Result<kafka::OffsetFetchResponse> {
        RINGMAIN_TRY_ASSIGN(response,
                            link_.call<kafka::OffsetFetchResponse>(request, kFetchOfOne, deadline));
        if (is_elsewhere(static_cast<ErrorCode>(response.error_code))) link_.look_elsewhere();
        if (response.error_code != 0)
          return tl::make_unexpected(group_error(settings_.group, response.error_code));
        return std::move(response);
      },
      deadline);
  if (!answer) throw Exception(answer.error());
  CommittedOffsets offsets;
  for (const auto& topic : answer->topics)
    for (const auto& partition : topic.partitions)
      if (partition.error_code == 0 && partition.committed_offset >= 0)
        offsets[{topic.name, partition.partition_index}] = {partition.committed_offset,
                                                            partition.metadata.value_or("")};
  return offsets;
}

}  // namespace ringmain::client
