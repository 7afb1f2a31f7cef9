// DeleteGroups: each group by itself; answered when the last of them is.
#include "kafka/generated/delete_groups.hpp"

#include <memory>

#include "gateway/handlers/groups.hpp"

namespace ringmain::gateway {

Result<net::Reply> delete_groups(kafka::Reader& body, const kafka::RequestHeader& header,
                                 RequestContext& context) {
  struct Answer {
    kafka::DeleteGroupsResponse response;
    size_t open = 0;
  };
  body.limit_items(group_items_max);
  RINGMAIN_TRY_ASSIGN(request, kafka::DeleteGroupsRequest::decode(body, header.api_version));
  const auto answer = std::make_shared<Answer>();
  for (const std::string& group : request.groups_names)
    answer->response.results.push_back({group, 0});
  answer->open = request.groups_names.size();
  if (answer->open == 0) return reply_with(answer->response, header);
  const Later later;
  for (size_t i = 0; i < request.groups_names.size(); ++i) {
    context.services.groups->delete_group(
        caller_of(header, context), request.groups_names[i],
        [later, answer, header, i](const coordination::DeleteGroupReply& reply) {
          answer->response.results[i].error_code = to_wire(reply.error);
          if (--answer->open == 0) later.send(reply_with(answer->response, header));
        });
  }
  return later.wait(context.connection);
}

}  // namespace ringmain::gateway
