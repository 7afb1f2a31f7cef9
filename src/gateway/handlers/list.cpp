// The list of the APIs we serve: what is not here is neither advertised nor answered.
#include <algorithm>
#include <array>

#include "gateway/handlers/api_versions.hpp"
#include "gateway/handlers/handler.hpp"
#include "gateway/handlers/local.hpp"
#include "gateway/handlers/metadata.hpp"
#include "gateway/handlers/topics.hpp"

namespace ringmain::gateway {
namespace {

template <auto answer>
struct Entry;

template <class Request, class Response, Response (*answer)(const Request&, RequestContext&)>
struct Entry<answer> {
  static constexpr Handler named(const char* name) {
    return {Request::api_key,         name,
            Request::min_version,     Request::max_version,
            administration_max_bytes, &decode_and_answer<Request, Response, answer>};
  }
};

constexpr std::array handlers{
    Entry<&metadata>::named("Metadata"),
    Entry<&api_versions>::named("ApiVersions"),
    Entry<&create_topics>::named("CreateTopics"),
    Entry<&delete_topics>::named("DeleteTopics"),
    Entry<&describe_configs>::named("DescribeConfigs"),
    Entry<&create_partitions>::named("CreatePartitions"),
    Entry<&attach>::named("Attach"),
    Entry<&detach>::named("Detach"),
    Entry<&hello>::named("Hello"),
    Entry<&locks>::named("Locks"),
    Entry<&log_file>::named("LogFile"),
};
static_assert(std::ranges::is_sorted(handlers, std::ranges::less{}, &Handler::key));

}  // namespace

std::span<const Handler> all_handlers() {
  return handlers;
}

const Handler* find_handler(int16_t key) {
  const auto found = std::ranges::lower_bound(handlers, key, {}, &Handler::key);
  return found != handlers.end() && found->key == key ? &*found : nullptr;
}

}  // namespace ringmain::gateway
