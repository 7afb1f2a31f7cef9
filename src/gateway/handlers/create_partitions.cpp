// CreatePartitions: topics only grow, each by itself.
#include <fmt/format.h>

#include <set>
#include <string_view>

#include "gateway/handlers/placement.hpp"
#include "gateway/handlers/repeated_names.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

using kafka::CreatePartitionsRequest;
using kafka::CreatePartitionsResponse;

Status check_growth(const TopicInfo& topic, int32_t total) {
  const auto present = static_cast<int64_t>(topic.partitions);
  if (total > present) return {};
  return fail(
      ErrorCode::invalid_partitions,
      total == present
          ? fmt::format("topic {} has {} partitions already", topic.name, present)
          : fmt::format("topic {} has {} partitions and cannot shrink to {}: partitions are "
                        "only added",
                        topic.name, present, total));
}

Status check_placements(const CreatePartitionsRequest::Topic& wanted, const TopicInfo& topic,
                        int32_t broker_id) {
  if (!wanted.assignments) return {};
  const int64_t added = int64_t{wanted.count} - topic.partitions;
  if (static_cast<int64_t>(wanted.assignments->size()) != added) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("replicas are placed for {} partitions, but {} are added",
                            wanted.assignments->size(), added));
  }
  for (const auto& placed : *wanted.assignments) {
    RINGMAIN_TRY(check_placement(placed.broker_ids, broker_id));
  }
  return {};
}

Status add_to_one(const CreatePartitionsRequest::Topic& wanted, Commit commit,
                  const RequestContext& context) {
  if (!context.may(Operation::alter, Resource::topic(wanted.name))) {
    return fail(ErrorCode::topic_authorization_failed,
                fmt::format("not allowed to alter topic {}", printable(wanted.name)));
  }
  TopicService& topics = context.services.topics;
  const auto topic = topics.find(wanted.name);
  if (!topic) {
    return fail(ErrorCode::unknown_topic_or_partition,
                fmt::format("there is no topic {}", printable(wanted.name)));
  }
  if (is_internal_topic(topic->name))
    return fail(ErrorCode::invalid_partitions,
                fmt::format("topic {} keeps its {} partitions: which one has a group's offsets follows from their number",
                            topic->name, topic->partitions));
  RINGMAIN_TRY(check_growth(*topic, wanted.count));
  RINGMAIN_TRY(check_placements(wanted, *topic, context.identity().id));
  return topics.add_partitions(wanted.name, wanted.count, commit);
}

Status repeated(const std::string& name) {
  return fail(ErrorCode::invalid_request,
              fmt::format("topic {} stands in this request more than once", printable(name)));
}

CreatePartitionsResponse::Topic answer_for(const std::string& name, const Status& done) {
  CreatePartitionsResponse::Topic answer;
  answer.name = name;
  if (!done) set_error(answer, CreatePartitionsResponse::api_key, done.error());
  return answer;
}

}  // namespace

CreatePartitionsResponse create_partitions(const CreatePartitionsRequest& request,
                                           RequestContext& context) {
  const Commit commit = request.validate_only ? Commit::validate_only : Commit::apply;
  const auto twice = repeated_names(
      request.topics, [](const auto& topic) -> std::string_view { return topic.name; });
  std::set<std::string_view> refused;  // a name that came twice is answered once
  CreatePartitionsResponse response;
  for (const auto& topic : request.topics) {
    if (!twice.contains(topic.name)) {
      response.results.push_back(answer_for(topic.name, add_to_one(topic, commit, context)));
    } else if (refused.insert(topic.name).second) {
      response.results.push_back(answer_for(topic.name, repeated(topic.name)));
    }
  }
  return response;
}

}  // namespace ringmain::gateway
