// DescribeGroups, ListGroups, DeleteGroups.
#include <algorithm>
#include <cctype>
#include <utility>

#include "coordination/coordinator.hpp"

namespace ringmain::coordination {
namespace {

bool same_without_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

}  // namespace

Description Coordinator::describe(const std::string& id) const {
  Description out;
  if (const auto error = refusal(id)) {
    out.error = *error;
    return out;
  }
  const Group* group = find(id);
  if (group == nullptr || group->is(GroupState::dead)) {
    out.state = name_of(GroupState::dead);  // Kafka's answer for what it does not know
    return out;
  }
  const bool stable = group->is(GroupState::stable);
  out.state = name_of(group->state());
  out.protocol_type = group->protocol_type().value_or("");
  if (stable) out.protocol = group->protocol().value_or("");
  for (const auto& [member_id, member] : group->members()) {
    // Before the group is stable, what members want and what they had does not belong together.
    out.members.push_back({member.who, member.client_id, member.client_host,
                           stable ? member.metadata(out.protocol) : Bytes{},
                           stable ? member.assignment : Bytes{}});
  }
  return out;
}

Listing Coordinator::list(const std::vector<std::string>& states) const {
  Listing out;
  if (phase_ == Phase::loading) out.error = GroupError::coordinator_load_in_progress;
  for (const auto& [id, group] : groups_) {
    const char* state = name_of(group.state());
    const bool wanted = states.empty() || std::ranges::any_of(states, [&](const auto& one) {
                          return same_without_case(one, state);
                        });
    if (wanted) out.groups.push_back({id, group.protocol_type().value_or(""), state});
  }
  return out;
}

void Coordinator::delete_group(const Caller& caller, const std::string& id, Now now, Output& out) {
  const auto refuse = [&](GroupError error) { out.answer(caller.ticket, DeleteGroupReply{error}); };
  if (const auto error = refusal(id)) return refuse(*error);
  Group* group = find(id);
  if (group == nullptr || group->is(GroupState::dead))
    return refuse(GroupError::group_id_not_found);
  if (!group->is(GroupState::empty)) return refuse(GroupError::non_empty_group);
  bury(*group, caller.ticket, now, out);
}

}  // namespace ringmain::coordination
