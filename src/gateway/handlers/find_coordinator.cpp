// FindCoordinator: every group is coordinated here, once the topic of its offsets is there. A broker
// that serves no groups says that nobody coordinates them: some clients ask without having a group.
#include "gateway/handlers/find_coordinator.hpp"

#include <utility>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {
namespace {

using coordination::GroupError;
using Coordinator = kafka::FindCoordinatorResponse::Coordinator;

constexpr int8_t key_is_group = 0;

Coordinator find(const std::string& key, int8_t key_type, RequestContext& context) {
  Coordinator answer{key, -1, "", -1, 0, std::nullopt};
  const auto refuse = [&](GroupError error, const char* why) {
    answer.error_code = to_wire(error);
    answer.error_message = why;
    return std::move(answer);
  };
  if (context.services.groups == nullptr)
    return refuse(GroupError::coordinator_not_available, "groups are not served here");
  if (key_type != key_is_group)
    return refuse(GroupError::invalid_request,
                  "only groups have a coordinator here: transactions are not served");
  if (const auto error = context.services.groups->ready_for(key); error != GroupError::none)
    return refuse(error, "the topic of the groups' offsets is not ready");
  const BrokerIdentity identity = context.identity();
  answer.node_id = identity.id;
  answer.host = identity.host;
  answer.port = identity.port;
  return answer;
}

}  // namespace

kafka::FindCoordinatorResponse find_coordinator(const kafka::FindCoordinatorRequest& request,
                                                RequestContext& context) {
  constexpr int16_t first_with_many = 4;
  kafka::FindCoordinatorResponse response;
  if (context.api_version >= first_with_many) {
    for (const std::string& key : request.coordinator_keys)
      response.coordinators.push_back(find(key, request.key_type, context));
    return response;
  }
  Coordinator one = find(request.key, request.key_type, context);
  response.error_code = one.error_code;
  response.error_message = std::move(one.error_message);
  response.node_id = one.node_id;
  response.host = std::move(one.host);
  response.port = one.port;
  return response;
}

}  // namespace ringmain::gateway
