// What the members of a group of consumers and its coordinator say to each other, without sockets:
// requests from what a member wants and knows, and what each error code means for it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/assignor.hpp"
#include "client/group_settings.hpp"
#include "kafka/generated/join_group.hpp"
#include "kafka/generated/sync_group.hpp"
#include "ringmain/record.hpp"

namespace ringmain::client {

// What an error code means for a member, whichever request it answers.
enum class Verdict {
  good,
  again,   // nothing is wrong with the request: the same one, a little later
  rejoin,  // a rebalance has begun; it is a member still
  lost,    // the group went on without it: what it held may be others' by now
  fatal    // it cannot be in this group: for the user to decide
};
Verdict verdict_on(std::int16_t error_code) noexcept;

// What went wrong, in a sentence: "group g: ... (unknown_member_id)".
Error group_error(const std::string& group, std::int16_t error_code);

// What a member wants when it joins.
struct JoinOrder {
  std::vector<std::string> topics;
  std::vector<TopicPartition> owned;   // what it claims to hold, or to have held until now
  std::int32_t owned_generation = -1;  // since when
};

kafka::JoinGroupRequest join_request(const GroupSettings& settings, const JoinOrder& order,
                                     const std::string& member_id);

// The leader's view of the group.
struct GroupView {
  Assignor assignor = Assignor::range;
  std::vector<GroupMember> members;
  std::set<std::string> topics;  // that anybody wants
};
// Members whose subscription cannot be read want nothing. No value: the coordinator chose a way of
// sharing that this member does not know.
std::optional<GroupView> view_of_group(const kafka::JoinGroupResponse& joined);

// What everybody gets, as the leader hands it in.
Result<std::vector<kafka::SyncGroupRequest::Assignment>> share_out(const GroupView& view,
                                                                   const PartitionCounts& counts);

// A member's part. Empty bytes are no partitions.
Result<std::vector<TopicPartition>> part_of(const kafka::SyncGroupResponse& synced);

std::vector<kafka::TopicPartitions> by_topic(const std::vector<TopicPartition>& partitions);

}  // namespace ringmain::client
