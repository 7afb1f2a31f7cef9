// Who may alter what, and what cannot be.
#include "gateway/handlers/altering.hpp"

#include <fmt/format.h>

#include "gateway/printable.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {

tl::unexpected<Error> no_value(const std::string& setting) {
  return fail(ErrorCode::invalid_request,
              fmt::format("{}: a value is missing", printable(setting)));
}

tl::unexpected<Error> named_twice(const std::string& setting) {
  return fail(ErrorCode::invalid_request,
              fmt::format("{} stands in this request more than once", printable(setting)));
}

tl::unexpected<Error> repeated_resource(const std::string& name) {
  return fail(ErrorCode::invalid_request,
              fmt::format("'{}' stands in this request more than once", printable(name)));
}

Result<TopicInfo> topic_to_alter(const std::string& name, const RequestContext& context) {
  RINGMAIN_TRY(check_topic_name(name));
  if (!context.may(Operation::alter_configs, Resource::topic(name))) {
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to alter the settings of topic {}", name));
  }
  auto topic = context.services.topics.find(name);
  if (topic) return std::move(*topic);
  return fail(
      ErrorCode::unknown_topic_or_partition,
      fmt::format("there is no topic {}; `ringmain topic list` shows those there are", name));
}

Error broker_is_fixed(const std::string& name, const RequestContext& context) {
  if (!context.may(Operation::alter_configs, Resource::cluster())) {
    return {ErrorCode::cluster_authorization_failed, "not allowed to alter the broker's settings"};
  }
  if (name.empty()) {
    return {ErrorCode::invalid_request,
            "there are no settings of all brokers at once: each has its own, from its start on"};
  }
  if (const Status here = check_is_this_broker(name, context); !here) return here.error();
  return {ErrorCode::invalid_request,
          fmt::format("the settings of broker {} are fixed while it runs: give them with --config, "
                      "or in the file that it "
                      "is started with (broker.conf in the bus directory), and start it again",
                      name)};
}

}  // namespace ringmain::gateway
