// Groups.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "client/admin_client.hpp"
#include "kafka/consumer_protocol.hpp"
#include "kafka/generated/delete_groups.hpp"
#include "kafka/generated/describe_groups.hpp"
#include "kafka/generated/find_coordinator.hpp"
#include "kafka/generated/list_groups.hpp"
#include "kafka/generated/offset_commit.hpp"
#include "kafka/generated/offset_delete.hpp"
#include "kafka/generated/offset_fetch.hpp"
#include "os/deadline.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kCoordinatorTimeoutNs = 30'000'000'000;
constexpr auto kCoordinatorPause = std::chrono::milliseconds(20);

// Of one group each, and with null for all partitions.
constexpr Versions kFindOne{0, 3};
constexpr Versions kFetchAllOfOne{2, 7};
constexpr Versions kCommit{2, kafka::OffsetCommitRequest::max_version};

constexpr std::int16_t wire(ErrorCode code) {
  return static_cast<std::int16_t>(code);
}

// The coordinator moves, is being elected, or reads its log.
bool is_passing(std::int16_t error) {
  return error == wire(ErrorCode::coordinator_load_in_progress) ||
         error == wire(ErrorCode::coordinator_not_available) ||
         error == wire(ErrorCode::not_coordinator);
}

// Answers about groups bring a code alone.
std::optional<std::string> in_words(std::int16_t error, const std::string& group) {
  switch (static_cast<ErrorCode>(error)) {
    case ErrorCode::group_id_not_found:
      return fmt::format("there is no group {}; `ringmain group list` shows those there are",
                         group);
    case ErrorCode::non_empty_group:
    case ErrorCode::unknown_member_id:
    case ErrorCode::rebalance_in_progress:
      return fmt::format("group {} has members, who hold its offsets: stop them first", group);
    case ErrorCode::group_subscribed_to_topic:
      return fmt::format("members of group {} read that topic: stop them first", group);
    case ErrorCode::group_authorization_failed:
      return fmt::format("not allowed to do that with group {}", group);
    case ErrorCode::invalid_group_id:
      return fmt::format("'{}' cannot be the name of a group", group);
    case ErrorCode::coordinator_load_in_progress:
    case ErrorCode::coordinator_not_available:
    case ErrorCode::not_coordinator:
      return fmt::format("nobody coordinates group {} at present; the broker's log says why",
                         group);
    default:
      return std::nullopt;
  }
}

std::string text(const TopicPartition& partition) {
  return fmt::format("{}-{}", partition.topic, partition.partition);
}

// A broker that fences commits from outside while there are members names it in several ways.
void check_group(std::int16_t error, const std::string& group, const std::string& what) {
  const bool has_members = error == wire(ErrorCode::unknown_member_id) ||
                           error == wire(ErrorCode::rebalance_in_progress);
  check_answer(has_members ? wire(ErrorCode::non_empty_group) : error, in_words(error, group),
               what);
}

// What is not in consumers' own form is another protocol's, and nobody's partitions.
std::vector<TopicPartition> assignment_of(const kafka::Bytes& bytes) {
  std::vector<TopicPartition> partitions;
  if (bytes.empty()) return partitions;
  const auto assignment = kafka::decode_assignment(bytes);
  if (!assignment) return partitions;
  for (const auto& topic : assignment->partitions)
    for (const std::int32_t partition : topic.partitions)
      partitions.push_back({topic.topic, partition});
  std::sort(partitions.begin(), partitions.end());
  return partitions;
}

template <class Topics>
auto& partitions_under(Topics& topics, const std::string& topic) {
  if (topics.empty() || topics.back().name != topic) topics.emplace_back().name = topic;
  return topics.back().partitions;
}

}  // namespace

To AdminClient::coordinator_of(const std::string& group, std::int16_t& error) {
  error = 0;
  if (call_->is_local()) return To::any();
  kafka::FindCoordinatorRequest request;
  request.key = group;
  const auto response = ask<kafka::FindCoordinatorResponse>(request, To::any(), kFindOne);
  error = response.error_code;
  return To::broker(response.node_id);
}

void AdminClient::with_coordinator(const std::string& group,
                                   const std::function<std::int16_t(To)>& asked) {
  const os::Deadline deadline = os::Deadline::after_ns(kCoordinatorTimeoutNs);
  for (;;) {  // until the deadline
    std::int16_t error = 0;
    const To to = coordinator_of(group, error);
    if (error == 0) error = asked(to);
    if (!is_passing(error) || deadline.poll_timeout_ms() == 0)
      return check_group(error, group, fmt::format("cannot reach group {}", group));
    std::this_thread::sleep_for(kCoordinatorPause);
  }
}

std::vector<GroupListing> AdminClient::list_groups() {
  std::vector<GroupListing> groups;
  auto brokers = call_->all_brokers();
  if (!brokers) throw Exception(brokers.error());
  const os::Deadline deadline = os::Deadline::after_ns(kCoordinatorTimeoutNs);
  for (const To to : *brokers) {
    auto response = ask<kafka::ListGroupsResponse>(kafka::ListGroupsRequest{}, to);
    while (is_passing(response.error_code) && deadline.poll_timeout_ms() != 0) {
      std::this_thread::sleep_for(kCoordinatorPause);
      response = ask<kafka::ListGroupsResponse>(kafka::ListGroupsRequest{}, to);
    }
    check_answer(response.error_code, std::nullopt, "cannot list the groups");
    for (const auto& group : response.groups)
      groups.push_back({group.group_id, group.group_state, group.protocol_type});
  }
  std::sort(groups.begin(), groups.end(),
            [](const auto& a, const auto& b) { return a.group < b.group; });
  return groups;
}

GroupDescription AdminClient::describe_group(const std::string& group) {
  GroupDescription description;
  description.group = group;
  with_coordinator(group, [&](To to) -> std::int16_t {
    kafka::DescribeGroupsRequest request;
    request.groups.push_back(group);
    auto response = ask<kafka::DescribeGroupsResponse>(request, to);
    if (response.groups.empty()) return wire(ErrorCode::unknown);
    const auto& told = response.groups.front();
    description.state = told.group_state;
    description.protocol_type = told.protocol_type;
    description.protocol = told.protocol_data;
    description.members.clear();
    for (const auto& member : told.members)
      description.members.push_back({member.member_id, member.group_instance_id, member.client_id,
                                     member.client_host, assignment_of(member.member_assignment)});
    return told.error_code;
  });
  if (description.state == "Dead") return description;
  description.offsets = committed_offsets(group);
  std::map<TopicPartition, GroupOffset> all;
  for (GroupOffset& offset : description.offsets) all.emplace(offset.partition, std::move(offset));
  for (const GroupMember& member : description.members)
    for (const TopicPartition& partition : member.assignment)
      all.try_emplace(partition, GroupOffset{partition, {}, {}, {}});
  description.offsets.clear();
  for (auto& [partition, offset] : all) description.offsets.push_back(std::move(offset));
  add_end_offsets(description.offsets);
  return description;
}

std::vector<GroupOffset> AdminClient::committed_offsets(const std::string& group) {
  std::vector<GroupOffset> offsets;
  with_coordinator(group, [&](To to) -> std::int16_t {
    kafka::OffsetFetchRequest request;
    request.group_id = group;
    request.topics = std::nullopt;  // all
    const auto response = ask<kafka::OffsetFetchResponse>(request, to, kFetchAllOfOne);
    offsets.clear();
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions) {
        check_answer(partition.error_code, in_words(partition.error_code, group),
                     fmt::format("cannot tell how far group {} is in {}-{}", group, topic.name,
                                 partition.partition_index));
        if (partition.committed_offset < 0) continue;
        offsets.push_back({{topic.name, partition.partition_index},
                           partition.committed_offset,
                           {},
                           partition.metadata.value_or("")});
      }
    return response.error_code;
  });
  return offsets;
}

// Topic by topic: one that is gone, or smaller than it was, does not hide the others.
void AdminClient::add_end_offsets(std::vector<GroupOffset>& offsets) {
  std::map<std::string, std::int32_t> partitions;
  std::map<TopicPartition, OffsetSpec> wanted;
  for (const GroupOffset& offset : offsets) {
    const std::string& topic = offset.partition.topic;
    if (!partitions.contains(topic)) {
      try {
        partitions[topic] = describe_topic(topic).partitions;
      } catch (const Exception& error) {
        if (error.code() != ErrorCode::unknown_topic_or_partition) throw;
        partitions[topic] = 0;
      }
    }
    if (offset.partition.partition < partitions[topic])
      wanted[offset.partition] = OffsetSpec::latest();
  }
  if (wanted.empty()) return;
  const auto ends = list_offsets(wanted);
  for (GroupOffset& offset : offsets)
    if (const auto found = ends.find(offset.partition); found != ends.end())
      offset.end_offset = found->second;
}

void AdminClient::alter_group_offsets(const std::string& group,
                                      const std::map<TopicPartition, std::int64_t>& offsets) {
  kafka::OffsetCommitRequest request;
  request.group_id = group;
  for (const auto& [partition, offset] : offsets) {
    auto& commit = partitions_under(request.topics, partition.topic).emplace_back();
    commit.partition_index = partition.partition;
    commit.committed_offset = offset;
    commit.committed_metadata = "";
  }
  const std::string what = fmt::format("cannot set the offsets of group {}", group);
  with_coordinator(group, [&](To to) -> std::int16_t {
    const auto response = ask<kafka::OffsetCommitResponse>(request, to, kCommit);
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions) {
        if (is_passing(partition.error_code)) return partition.error_code;
        check_group(partition.error_code, group,
                    fmt::format("{} in {}", what, text({topic.name, partition.partition_index})));
      }
    return 0;
  });
}

void AdminClient::delete_group_offsets(const std::string& group,
                                       const std::vector<TopicPartition>& partitions) {
  kafka::OffsetDeleteRequest request;
  request.group_id = group;
  for (const TopicPartition& partition : partitions)
    partitions_under(request.topics, partition.topic).emplace_back().partition_index =
        partition.partition;
  const std::string what = fmt::format("cannot delete the offsets of group {}", group);
  with_coordinator(group, [&](To to) -> std::int16_t {
    const auto response = ask<kafka::OffsetDeleteResponse>(request, to);
    if (is_passing(response.error_code)) return response.error_code;
    check_group(response.error_code, group, what);
    for (const auto& topic : response.topics)
      for (const auto& partition : topic.partitions)
        check_group(partition.error_code, group,
                    fmt::format("{} in {}", what, text({topic.name, partition.partition_index})));
    return 0;
  });
}

void AdminClient::delete_group(const std::string& group) {
  with_coordinator(group, [&](To to) -> std::int16_t {
    kafka::DeleteGroupsRequest request;
    request.groups_names.push_back(group);
    const auto response = ask<kafka::DeleteGroupsResponse>(request, to);
    return response.results.empty() ? wire(ErrorCode::unknown)
                                    : response.results.front().error_code;
  });
}

}  // namespace ringmain::client
