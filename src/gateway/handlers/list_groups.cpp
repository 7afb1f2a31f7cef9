// ListGroups.
#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

kafka::ListGroupsResponse list_groups(const kafka::ListGroupsRequest& request,
                                      RequestContext& context) {
  const coordination::Listing listing = context.services.groups->list(request.states_filter);
  kafka::ListGroupsResponse response;
  response.error_code = to_wire(listing.error);
  for (const auto& group : listing.groups)
    response.groups.push_back({group.group, group.protocol_type, group.state});
  return response;
}

}  // namespace ringmain::gateway
