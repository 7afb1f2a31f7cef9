// DeleteTopics: by name, and from version 6 also by id.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "gateway/handlers/repeated_names.hpp"
#include "gateway/handlers/topics.hpp"
#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;
using Wanted = DeleteTopicsRequest::Topic;

constexpr auto unknown_topic_id = static_cast<ErrorCode>(100);  // Kafka's number
constexpr kafka::Uuid no_id{};

// What the request means, before anything is removed.
struct Target {
  Wanted wanted;
  Result<std::string> name;
};

// Both ways of asking, as one list.
std::vector<Wanted> wanted_topics(const DeleteTopicsRequest& request) {
  std::vector<Wanted> wanted = request.topics;
  for (const std::string& name : request.topic_names) wanted.push_back({name, no_id});
  return wanted;
}

using NamesById = std::map<kafka::Uuid, std::string>;

NamesById names_by_id(const std::vector<Wanted>& wanted, const TopicService& topics) {
  NamesById names;
  const bool needed = std::ranges::any_of(wanted, [](const Wanted& w) { return !w.name; });
  if (!needed) return names;
  for (TopicInfo& topic : topics.topics()) names.emplace(topic.id, std::move(topic.name));
  return names;
}

Result<std::string> resolve(const Wanted& wanted, const NamesById& names) {
  if (wanted.name && wanted.topic_id != no_id) {
    return fail(ErrorCode::invalid_request, "give a topic's name or its id, not both");
  }
  if (wanted.name) return *wanted.name;
  if (wanted.topic_id == no_id) {
    return fail(ErrorCode::invalid_request, "a topic needs a name or an id");
  }
  const auto found = names.find(wanted.topic_id);
  if (found == names.end()) return fail(unknown_topic_id, "there is no topic with this id");
  return found->second;
}

std::vector<Target> resolve_all(std::vector<Wanted> wanted, const TopicService& topics) {
  const NamesById names = names_by_id(wanted, topics);
  std::vector<Target> targets;
  targets.reserve(wanted.size());
  for (Wanted& topic : wanted) {
    auto name = resolve(topic, names);
    targets.push_back({std::move(topic), std::move(name)});
  }
  return targets;
}

// The names that several targets mean, be it by name or by id.
std::set<std::string> meant_twice(const std::vector<Target>& targets) {
  std::vector<std::string_view> meant;
  for (const Target& target : targets) {
    if (target.name) meant.push_back(*target.name);
  }
  const auto repeated = repeated_names(meant, [](std::string_view name) { return name; });
  return {repeated.begin(), repeated.end()};
}

Status remove_one(const std::string& name, const RequestContext& context) {
  if (!context.may(Operation::remove, Resource::topic(name))) {
    return fail(ErrorCode::topic_authorization_failed, "not allowed to delete this topic");
  }
  return context.services.topics.remove(name);
}

DeleteTopicsResponse::Topic answer_for(const Target& target, const Status& done,
                                       const RequestContext& context) {
  DeleteTopicsResponse::Topic answer;
  answer.name = target.wanted.name;
  answer.topic_id = target.wanted.topic_id;
  // An id must not tell a name to somebody who may not see the topic.
  if (target.name && context.may(Operation::describe, Resource::topic(*target.name))) {
    answer.name = *target.name;
  }
  if (!done) set_error(answer, DeleteTopicsResponse::api_key, done.error());
  return answer;
}

}  // namespace

DeleteTopicsResponse delete_topics(const DeleteTopicsRequest& request, RequestContext& context) {
  const auto targets = resolve_all(wanted_topics(request), context.services.topics);
  const std::set<std::string> twice = meant_twice(targets);
  std::set<std::string> refused;  // a topic that came twice is answered once
  DeleteTopicsResponse response;
  for (const Target& target : targets) {
    Status done;
    if (!target.name) {
      done = tl::make_unexpected(target.name.error());
    } else if (!twice.contains(*target.name)) {
      done = remove_one(*target.name, context);
    } else if (refused.insert(*target.name).second) {
      done = fail(ErrorCode::invalid_request,
                  fmt::format("topic {} stands in this request more than once",
                              printable(target.wanted.name.value_or("with this id"))));
    } else {
      continue;
    }
    response.responses.push_back(answer_for(target, done, context));
  }
  return response;
}

}  // namespace ringmain::gateway
