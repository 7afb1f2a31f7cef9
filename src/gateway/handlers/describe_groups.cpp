// DescribeGroups.
#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {
namespace {

constexpr int32_t bit(Operation operation) {
  return 1 << static_cast<int32_t>(operation);
}
// Groups have no access rules yet: whoever gets in may do with them what can be done.
constexpr int32_t all_operations =
    bit(Operation::read) | bit(Operation::remove) | bit(Operation::describe);

}  // namespace

kafka::DescribeGroupsResponse describe_groups(const kafka::DescribeGroupsRequest& request,
                                              RequestContext& context) {
  kafka::DescribeGroupsResponse response;
  for (const std::string& group : request.groups) {
    const coordination::Description found = context.services.groups->describe(group);
    auto& answer = response.groups.emplace_back();
    answer.error_code = to_wire(found.error);
    answer.group_id = group;
    answer.group_state = found.state;
    answer.protocol_type = found.protocol_type;
    answer.protocol_data = found.protocol;
    for (const auto& member : found.members) {
      answer.members.push_back({member.who.member, member.who.instance, member.client_id,
                                member.client_host, member.metadata, member.assignment});
    }
    if (request.include_authorized_operations && found.error == coordination::GroupError::none)
      answer.authorized_operations = all_operations;
  }
  return response;
}

}  // namespace ringmain::gateway
