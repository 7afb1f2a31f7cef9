#include "client/group_protocol.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace ringmain::client {

Verdict verdict_on(std::int16_t error_code) noexcept {
  switch (static_cast<ErrorCode>(error_code)) {
    case ErrorCode::none:
      return Verdict::good;
    case ErrorCode::coordinator_load_in_progress:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::not_coordinator:
    case ErrorCode::request_timed_out:
      return Verdict::again;
    case ErrorCode::rebalance_in_progress:
      return Verdict::rejoin;
    case ErrorCode::unknown_member_id:
    case ErrorCode::illegal_generation:
      return Verdict::lost;
    default:
      return Verdict::fatal;
  }
}

Error group_error(const std::string& group, std::int16_t error_code) {
  const auto code = static_cast<ErrorCode>(error_code);
  const auto why = [code]() -> const char* {
    switch (code) {
      case ErrorCode::unknown_member_id:
        return "this member is not in it any more: it was silent longer than session.timeout.ms, "
               "or was slow to join";
      case ErrorCode::illegal_generation:
        return "it has gone on without this member";
      case ErrorCode::rebalance_in_progress:
        return "it is sharing out its partitions anew; call poll(), then try again";
      case ErrorCode::fenced_instance_id:
        return "another consumer has joined under the same group.instance.id";
      case ErrorCode::inconsistent_group_protocol:
        return "its members share no partition.assignment.strategy with this one";
      case ErrorCode::invalid_session_timeout:
        return "session.timeout.ms is outside of what the broker allows "
               "(group.min.session.timeout.ms, "
               "group.max.session.timeout.ms)";
      case ErrorCode::group_max_size_reached:
        return "it has as many members as the broker allows (group.max.size)";
      case ErrorCode::offset_metadata_too_large:
        return "the text beside an offset is longer than the broker allows "
               "(offset.metadata.max.bytes)";
      default:
        return "the coordinator refused";
    }
  };
  return {code, fmt::format("group {}: {} ({})", group, why(), error_name(code))};
}

std::vector<kafka::TopicPartitions> by_topic(const std::vector<TopicPartition>& partitions) {
  std::map<std::string, std::vector<std::int32_t>> sorted;
  for (const TopicPartition& one : partitions) sorted[one.topic].push_back(one.partition);
  std::vector<kafka::TopicPartitions> topics;
  for (auto& [topic, numbers] : sorted) topics.push_back({topic, std::move(numbers)});
  return topics;
}

kafka::JoinGroupRequest join_request(const GroupSettings& settings, const JoinOrder& order,
                                     const std::string& member_id) {
  kafka::JoinGroupRequest request;
  request.group_id = settings.group;
  request.session_timeout_ms = settings.session_timeout_ms;
  request.rebalance_timeout_ms = settings.max_poll_interval_ms;
  request.member_id = member_id;
  request.group_instance_id = settings.instance;
  request.protocol_type = "consumer";
  const std::vector<kafka::TopicPartitions> owned = by_topic(order.owned);
  for (const Assignor assignor : settings.assignors) {
    // Who gives up everything before it joins holds nothing; only the sticky assignor asks what it
    // had.
    const bool claims = settings.is_cooperative() || assignor == Assignor::sticky;
    const auto subscription = subscription_for(
        assignor, order.topics, claims ? owned : std::vector<kafka::TopicPartitions>{},
        order.owned_generation);
    request.protocols.push_back(
        {name_of(assignor), kafka::encode(subscription).value_or(kafka::Bytes{})});
  }
  return request;
}

std::optional<GroupView> view_of_group(const kafka::JoinGroupResponse& joined) {
  const auto assignor = assignor_named(joined.protocol_name.value_or(""));
  if (!assignor) return std::nullopt;
  GroupView view;
  view.assignor = *assignor;
  for (const auto& member : joined.members) {
    GroupMember& known =
        view.members.emplace_back(GroupMember{member.member_id, member.group_instance_id, {}});
    if (auto subscription = kafka::decode_subscription(member.metadata))
      known.subscription = std::move(*subscription);
    view.topics.insert(known.subscription.topics.begin(), known.subscription.topics.end());
  }
  return view;
}

Result<std::vector<kafka::SyncGroupRequest::Assignment>> share_out(const GroupView& view,
                                                                   const PartitionCounts& counts) {
  std::vector<kafka::SyncGroupRequest::Assignment> parts;
  for (auto& [member, partitions] : assign(view.assignor, view.members, counts)) {
    RINGMAIN_TRY_ASSIGN(bytes, kafka::encode(kafka::ConsumerAssignment{partitions, std::nullopt}));
    parts.push_back({member, std::move(bytes)});
  }
  return parts;
}

Result<std::vector<TopicPartition>> part_of(const kafka::SyncGroupResponse& synced) {
  std::vector<TopicPartition> part;
  if (synced.assignment.empty()) return part;
  RINGMAIN_TRY_ASSIGN(decoded, kafka::decode_assignment(synced.assignment));
  for (const kafka::TopicPartitions& topic : decoded.partitions)
    for (const std::int32_t partition : topic.partitions) part.push_back({topic.topic, partition});
  return part;
}

}  // namespace ringmain::client
