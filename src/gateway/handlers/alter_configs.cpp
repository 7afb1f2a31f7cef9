// AlterConfigs: all overrides of a topic at once; what is left out goes back to its default.
#include <fmt/format.h>

#include "gateway/handlers/altering.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::AlterConfigsRequest;
using kafka::AlterConfigsResponse;

Result<Overrides> overrides_of(const AlterConfigsRequest::Resource& resource) {
  Overrides overrides;
  for (const auto& config : resource.configs) {
    if (!config.value) return no_value(config.name);
    if (!overrides.emplace(config.name, *config.value).second) return named_twice(config.name);
  }
  return overrides;
}

}  // namespace

AlterConfigsResponse alter_configs(const AlterConfigsRequest& request, RequestContext& context) {
  return alter_each<AlterConfigsResponse>(
      request, context, [](const AlterConfigsRequest::Resource& resource, const TopicInfo&) {
        return overrides_of(resource);
      });
}

}  // namespace ringmain::gateway
