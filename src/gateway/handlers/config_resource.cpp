// Names of resources.
#include "gateway/handlers/config_resource.hpp"

#include <fmt/format.h>

#include "gateway/printable.hpp"

namespace ringmain::gateway {

Status check_is_this_broker(const std::string& name, const RequestContext& context) {
  const int32_t own_id = context.identity().id;
  if (name == std::to_string(own_id)) return {};
  return fail(ErrorCode::invalid_request,
              fmt::format("broker '{}' is not here: this is broker {}", printable(name), own_id));
}

tl::unexpected<Error> no_such_resource(int8_t resource_type) {
  return fail(ErrorCode::invalid_request,
              fmt::format("resource type {} has no settings here: 2 is a topic, 4 a broker",
                          resource_type));
}

}  // namespace ringmain::gateway
