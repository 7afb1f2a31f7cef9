// CreateTopics: checks each topic by itself; one that is wrong does not fail the others.
#include <fmt/format.h>

#include <charconv>
#include <set>
#include <string_view>

#include "gateway/handlers/config_wire.hpp"
#include "gateway/handlers/local_only.hpp"
#include "gateway/handlers/placement.hpp"
#include "gateway/handlers/repeated_names.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;

constexpr int32_t broker_default = -1;
constexpr int16_t replicas_of_one_broker = 1;
constexpr const char* chosen_id_config = "ringmain.topic.id";  // as in client/admin_client.cpp

tl::unexpected<Error> bad_id(const std::string& text) {
  return fail(ErrorCode::invalid_request,
              fmt::format("{} is no topic id: 32 hexadecimal digits, not all 0", printable(text)));
}

// Partition indexes 0, 1, 2, ... in any order, each on this broker.
Result<int32_t> count_placed_partitions(const CreateTopicsRequest::Topic& topic,
                                        int32_t broker_id) {
  if (topic.num_partitions != broker_default || topic.replication_factor != broker_default) {
    return fail(
        ErrorCode::invalid_request,
        "replicas are placed by hand, so partition count and replication factor must be -1");
  }
  const auto count = static_cast<int32_t>(topic.assignments.size());
  std::set<int32_t> indexes;
  for (const auto& placed : topic.assignments) {
    RINGMAIN_TRY(check_placement(placed.broker_ids, broker_id));
    const bool is_new = indexes.insert(placed.partition_index).second;
    if (!is_new || placed.partition_index < 0 || placed.partition_index >= count) {
      return fail(ErrorCode::invalid_replica_assignment,
                  fmt::format("partition {} is placed, but {} partitions must be numbered 0 to {}, "
                              "each once",
                              placed.partition_index, count, count - 1));
    }
  }
  return count;
}

Result<int32_t> partition_count(const CreateTopicsRequest::Topic& topic, int32_t broker_id) {
  if (!topic.assignments.empty()) return count_placed_partitions(topic, broker_id);
  if (topic.num_partitions > 0 || topic.num_partitions == broker_default) {
    return topic.num_partitions;
  }
  return fail(ErrorCode::invalid_partitions,
              fmt::format("{} partitions: give 1 or more, or -1 for the broker's default",
                          topic.num_partitions));
}

Status check_replication_factor(int16_t factor) {
  if (factor == replicas_of_one_broker || factor == broker_default) return {};
  return fail(ErrorCode::invalid_replication_factor,
              fmt::format("replication factor {}: there is one broker, so give 1, or -1 for the "
                          "default",
                          factor));
}

Result<std::map<std::string, std::string>> overrides_of(const CreateTopicsRequest::Topic& topic) {
  std::map<std::string, std::string> overrides;
  for (const auto& config : topic.configs) {
    if (!config.value) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("config {} has no value", printable(config.name)));
    }
    overrides[config.name] = *config.value;
  }
  return overrides;
}

// The id that a local client has chosen: it asks again with the same when a broker died over the
// answer. For anybody else the name is that of an unknown setting.
Result<std::optional<kafka::Uuid>> take_id(std::map<std::string, std::string>& overrides,
                                           const RequestContext& context) {
  const auto found = overrides.find(chosen_id_config);
  if (found == overrides.end() || !is_local(context)) {
    return std::nullopt;
  }
  const std::string text = std::move(found->second);
  overrides.erase(found);
  kafka::Uuid id;
  bool any = false;
  for (size_t i = 0; i < id.bytes.size() && text.size() == 2 * id.bytes.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, id.bytes[i], 16);
    if (error != std::errc{} || end != digits + 2) return bad_id(text);
    any |= id.bytes[i] != 0;
  }
  if (!any) return bad_id(text);
  return std::optional(id);
}

Status check_rights(const RequestContext& context, const std::string& name) {
  if (context.may(Operation::create, Resource::cluster()) ||
      context.may(Operation::create, Resource::topic(name))) {
    return {};
  }
  return fail(ErrorCode::topic_authorization_failed, "not allowed to create topic " + name);
}

Result<NewTopic> checked(const CreateTopicsRequest::Topic& wanted, const RequestContext& context) {
  RINGMAIN_TRY(check_topic_name(wanted.name));
  RINGMAIN_TRY(check_rights(context, wanted.name));
  RINGMAIN_TRY_ASSIGN(partitions, partition_count(wanted, context.identity().id));
  RINGMAIN_TRY(check_replication_factor(wanted.replication_factor));
  RINGMAIN_TRY_ASSIGN(overrides, overrides_of(wanted));
  RINGMAIN_TRY_ASSIGN(id, take_id(overrides, context));
  return NewTopic{wanted.name, partitions, wanted.replication_factor, std::move(overrides), id};
}

// The settings in force; of a topic that was only checked, what the request says.
std::vector<CreateTopicsResponse::Config> configs_of(const TopicInfo& topic, Commit commit,
                                                     const TopicService& topics) {
  std::vector<CreateTopicsResponse::Config> told;
  if (commit == Commit::validate_only) {
    for (const auto& [name, value] : topic.overrides) {
      told.push_back({name, value, false, static_cast<int8_t>(ConfigSource::topic), false});
    }
    return told;
  }
  const auto entries = topics.topic_configs(topic.name);
  if (!entries) return told;  // already removed again
  for (const ConfigEntry& entry : *entries) {
    told.push_back(
        {entry.name, told_value(entry), entry.read_only, config_source(entry), entry.sensitive});
  }
  return told;
}

CreateTopicsResponse::Topic create_one(const CreateTopicsRequest::Topic& wanted, Commit commit,
                                       const RequestContext& context) {
  CreateTopicsResponse::Topic answer;
  answer.name = wanted.name;
  TopicService& topics = context.services.topics;
  const auto created = checked(wanted, context).and_then([&](const NewTopic& topic) {
    return topics.create(topic, commit);
  });
  if (!created) {
    set_error(answer, CreateTopicsResponse::api_key, created.error());
    return answer;
  }
  answer.topic_id = created->id;
  if (!context.may(Operation::describe_configs, Resource::topic(wanted.name))) {
    answer.topic_config_error_code = static_cast<int16_t>(ErrorCode::topic_authorization_failed);
    return answer;
  }
  answer.num_partitions = static_cast<int32_t>(created->partitions);
  answer.replication_factor = replicas_of_one_broker;
  answer.configs = configs_of(*created, commit, topics);
  return answer;
}

CreateTopicsResponse::Topic repeated(const std::string& name) {
  CreateTopicsResponse::Topic answer;
  answer.name = name;
  set_error(answer, CreateTopicsResponse::api_key,
            {ErrorCode::invalid_request,
             fmt::format("topic {} stands in this request more than once", printable(name))});
  return answer;
}

}  // namespace

CreateTopicsResponse create_topics(const CreateTopicsRequest& request, RequestContext& context) {
  const Commit commit = request.validate_only ? Commit::validate_only : Commit::apply;
  const auto twice = repeated_names(
      request.topics, [](const auto& topic) -> std::string_view { return topic.name; });
  std::set<std::string_view> refused;  // a name that came twice is answered once
  CreateTopicsResponse response;
  for (const auto& topic : request.topics) {
    if (!twice.contains(topic.name)) {
      response.topics.push_back(create_one(topic, commit, context));
    } else if (refused.insert(topic.name).second) {
      response.topics.push_back(repeated(topic.name));
    }
  }
  return response;
}

}  // namespace ringmain::gateway
