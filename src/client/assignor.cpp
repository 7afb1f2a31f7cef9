// Range and round robin, and what all assignors share.
#include "client/assignor.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "client/assignor_sticky.hpp"

namespace ringmain::client {
namespace {

constexpr std::array kNames{std::pair{Assignor::range, "range"},
                            std::pair{Assignor::round_robin, "roundrobin"},
                            std::pair{Assignor::sticky, "sticky"},
                            std::pair{Assignor::cooperative_sticky, "cooperative-sticky"}};

// Members in the order that all clients agree on: static ones by instance id, then the others by
// id.
std::vector<const GroupMember*> in_order(const std::vector<GroupMember>& members) {
  std::vector<const GroupMember*> out;
  for (const GroupMember& member : members) out.push_back(&member);
  std::ranges::sort(out, {}, [](const GroupMember* member) {
    return std::pair(!member->instance.has_value(), member->instance.value_or(member->member));
  });
  return out;
}

bool reads(const GroupMember& member, const std::string& topic) {
  return std::ranges::find(member.subscription.topics, topic) != member.subscription.topics.end();
}

void give(std::vector<kafka::TopicPartitions>& to, const std::string& topic, int32_t partition) {
  const auto found = std::ranges::find(to, topic, &kafka::TopicPartitions::topic);
  if (found != to.end()) return found->partitions.push_back(partition);
  to.push_back({topic, {partition}});
}

Assignments assign_range(const std::vector<const GroupMember*>& members,
                         const PartitionCounts& partitions) {
  Assignments out;
  for (const auto& [topic, count] : partitions) {
    std::vector<const GroupMember*> readers;
    std::ranges::copy_if(members, std::back_inserter(readers),
                         [&](const GroupMember* member) { return reads(*member, topic); });
    int32_t next = 0;
    for (size_t i = 0; i < readers.size(); ++i) {
      const auto reader_count = static_cast<int32_t>(readers.size());
      const bool one_more = static_cast<int32_t>(i) < count % reader_count;
      const int32_t end = next + count / reader_count + (one_more ? 1 : 0);
      for (; next < end; ++next) give(out[readers[i]->member], topic, next);
    }
  }
  return out;
}

Assignments assign_round_robin(const std::vector<const GroupMember*>& members,
                               const PartitionCounts& partitions) {
  Assignments out;
  size_t turn = 0;
  for (const auto& [topic, count] : partitions) {
    const bool is_read = std::ranges::any_of(
        members, [&](const GroupMember* member) { return reads(*member, topic); });
    for (int32_t partition = 0; is_read && partition < count; ++partition) {
      while (!reads(*members[turn], topic)) turn = (turn + 1) % members.size();  // somebody does
      give(out[members[turn]->member], topic, partition);
      turn = (turn + 1) % members.size();
    }
  }
  return out;
}

}  // namespace

const char* name_of(Assignor assignor) noexcept {
  return std::ranges::find(kNames, assignor, &decltype(kNames)::value_type::first)->second;
}

std::optional<Assignor> assignor_named(std::string_view name) noexcept {
  for (const auto& [assignor, known] : kNames) {
    if (name == known) return assignor;
  }
  return std::nullopt;
}

Assignments assign(Assignor assignor, const std::vector<GroupMember>& members,
                   const PartitionCounts& partitions) {
  const std::vector<const GroupMember*> ordered = in_order(members);
  Assignments out;
  switch (assignor) {
    case Assignor::range:
      out = assign_range(ordered, partitions);
      break;
    case Assignor::round_robin:
      out = assign_round_robin(ordered, partitions);
      break;
    case Assignor::sticky:
    case Assignor::cooperative_sticky:
      out = assign_sticky(assignor, ordered, partitions);
      break;
  }
  for (const GroupMember& member : members) out[member.member];  // perhaps nothing
  return out;
}

}  // namespace ringmain::client
