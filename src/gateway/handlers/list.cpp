// The list of the APIs we serve: what is not here is neither advertised nor answered.
#include <algorithm>
#include <array>

#include "gateway/handlers/groups.hpp"
#include "kafka/generated/await_rebalance.hpp"
#include "kafka/generated/delete_groups.hpp"
#include "kafka/generated/join_group.hpp"
#include "kafka/generated/offset_commit.hpp"
#include "kafka/generated/offset_delete.hpp"
#include "kafka/generated/sync_group.hpp"
#include "gateway/handlers/api_versions.hpp"
#include "gateway/handlers/describe_cluster.hpp"
#include "gateway/handlers/find_coordinator.hpp"
#include "gateway/handlers/handler.hpp"
#include "gateway/handlers/local.hpp"
#include "gateway/handlers/metadata.hpp"
#include "gateway/handlers/records.hpp"
#include "gateway/handlers/topics.hpp"
#include "kafka/generated/fetch.hpp"
#include "kafka/generated/produce.hpp"

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
  static constexpr Handler of_groups(const char* name) {
    Handler handler = named(name);
    handler.needs_groups = true;
    return handler;
  }
};

// Answers by itself, perhaps later; its requests are as large as the listener takes them.
template <class Request>
constexpr Handler carries_records(const char* name, decltype(Handler::serve) serve) {
  return {Request::api_key, name, Request::min_version, Request::max_version, SIZE_MAX, serve};
}

// Answers by itself, too; it needs Services::groups.
template <class Request>
constexpr Handler of_groups(const char* name, decltype(Handler::serve) serve) {
  return {Request::api_key, name, Request::min_version, Request::max_version, group_request_max_bytes, serve, true};
}

constexpr std::array handlers{
    carries_records<kafka::ProduceRequest>("Produce", &produce),
    carries_records<kafka::FetchRequest>("Fetch", &fetch),
    Entry<&list_offsets>::named("ListOffsets"),
    Entry<&metadata>::named("Metadata"),
    of_groups<kafka::OffsetCommitRequest>("OffsetCommit", &offset_commit),
    Entry<&offset_fetch>::of_groups("OffsetFetch"),
    Entry<&find_coordinator>::named("FindCoordinator"),
    of_groups<kafka::JoinGroupRequest>("JoinGroup", &join_group),
    Entry<&heartbeat>::of_groups("Heartbeat"),
    Entry<&leave_group>::of_groups("LeaveGroup"),
    of_groups<kafka::SyncGroupRequest>("SyncGroup", &sync_group),
    Entry<&describe_groups>::of_groups("DescribeGroups"),
    Entry<&list_groups>::of_groups("ListGroups"),
    Entry<&api_versions>::named("ApiVersions"),
    Entry<&create_topics>::named("CreateTopics"),
    Entry<&delete_topics>::named("DeleteTopics"),
    Entry<&delete_records>::named("DeleteRecords"),
    Entry<&describe_configs>::named("DescribeConfigs"),
    Entry<&alter_configs>::named("AlterConfigs"),
    Entry<&describe_log_dirs>::named("DescribeLogDirs"),
    Entry<&create_partitions>::named("CreatePartitions"),
    of_groups<kafka::DeleteGroupsRequest>("DeleteGroups", &delete_groups),
    Entry<&incremental_alter_configs>::named("IncrementalAlterConfigs"),
    of_groups<kafka::OffsetDeleteRequest>("OffsetDelete", &offset_delete),
    Entry<&describe_cluster>::named("DescribeCluster"),
    Entry<&attach>::named("Attach"),
    Entry<&detach>::named("Detach"),
    Entry<&hello>::named("Hello"),
    Entry<&locks>::named("Locks"),
    Entry<&log_file>::named("LogFile"),
    of_groups<kafka::AwaitRebalanceRequest>("AwaitRebalance", &await_rebalance),
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
