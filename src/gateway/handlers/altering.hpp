// What AlterConfigs and IncrementalAlterConfigs share: each resource by itself; one that is wrong
// does not fail the others.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "gateway/handlers/config_resource.hpp"
#include "gateway/handlers/handler.hpp"

namespace ringmain::gateway {

using Overrides = std::map<std::string, std::string>;

tl::unexpected<Error> no_value(const std::string& setting);
tl::unexpected<Error> named_twice(const std::string& setting);
tl::unexpected<Error> repeated_resource(const std::string& name);

// The topic, if the client may alter it.
Result<TopicInfo> topic_to_alter(const std::string& name, const RequestContext& context);
// Why a broker's settings stay as they are.
Error broker_is_fixed(const std::string& name, const RequestContext& context);

// overrides_of(resource, topic): what the topic's overrides are to be.
template <class Resource, class OverridesOf>
Status alter_one(const Resource& resource, Commit commit, const RequestContext& context,
                 const OverridesOf& overrides_of) {
  if (resource.resource_type == broker_resource)
    return tl::make_unexpected(broker_is_fixed(resource.resource_name, context));
  if (resource.resource_type != topic_resource) return no_such_resource(resource.resource_type);
  RINGMAIN_TRY_ASSIGN(topic, topic_to_alter(resource.resource_name, context));
  RINGMAIN_TRY_ASSIGN(overrides, overrides_of(resource, topic));
  return context.services.topics.alter(topic.name, overrides, commit);
}

template <class Response, class Request, class OverridesOf>
Response alter_each(const Request& request, const RequestContext& context,
                    const OverridesOf& overrides_of) {
  const Commit commit = request.validate_only ? Commit::validate_only : Commit::apply;
  using Key = std::pair<int8_t, std::string_view>;
  std::set<Key> seen, twice;
  for (const auto& resource : request.resources) {
    const Key key{resource.resource_type, resource.resource_name};
    if (!seen.insert(key).second) twice.insert(key);
  }
  Response response;
  std::set<Key> answered;  // a resource that came twice is answered once
  for (const auto& resource : request.resources) {
    const Key key{resource.resource_type, resource.resource_name};
    if (!answered.insert(key).second) continue;
    auto& answer = response.responses.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    const Status done = twice.contains(key) ? Status(repeated_resource(resource.resource_name))
                                            : alter_one(resource, commit, context, overrides_of);
    if (!done) set_error(answer, Response::api_key, done.error());
  }
  return response;
}

}  // namespace ringmain::gateway
