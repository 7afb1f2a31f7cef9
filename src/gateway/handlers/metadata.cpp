// Metadata: this broker and its topics; may create topics that a client asks for.
#include "gateway/handlers/metadata.hpp"

#include <set>
#include <string_view>

#include "gateway/handlers/authorized_operations.hpp"
#include "gateway/topic_name.hpp"

namespace ringmain::gateway {
namespace {

using kafka::MetadataRequest;
using kafka::MetadataResponse;

// Version 0 has no null: there an empty list asks for all, later for none.
// nullptr: all are wanted.
const std::vector<MetadataRequest::Topic>* named_in(const MetadataRequest& request,
                                                    int16_t version) {
  if (!request.topics || (version == 0 && request.topics->empty())) return nullptr;
  return &*request.topics;
}

bool may_create(const RequestContext& context, std::string_view name) {
  return context.may(Operation::create, Resource::cluster()) ||
         context.may(Operation::create, Resource::topic(name));
}

// One answer's work: remembers who we are to this client.
class Describer {
 public:
  Describer(const MetadataRequest& request, const RequestContext& context)
      : request_(request), context_(context), identity_(context.identity()) {}

  MetadataResponse describe() const {
    MetadataResponse response;
    response.brokers = {{identity_.id, identity_.host, identity_.port, std::nullopt}};
    response.cluster_id = identity_.cluster_id;
    response.controller_id = identity_.id;
    const auto* names = named_in(request_, context_.api_version);
    response.topics = names != nullptr ? named_topics(*names) : all_topics();
    if (request_.include_cluster_authorized_operations) {
      response.cluster_authorized_operations = authorized_operations(context_, Resource::cluster());
    }
    return response;
  }

 private:
  // What the client may not see is not there.
  std::vector<MetadataResponse::Topic> all_topics() const {
    std::vector<MetadataResponse::Topic> described;
    for (const TopicInfo& topic : context_.services.topics.topics()) {
      if (context_.may(Operation::describe, Resource::topic(topic.name))) {
        described.push_back(existing(topic));
      }
    }
    return described;
  }

  std::vector<MetadataResponse::Topic> named_topics(
      const std::vector<MetadataRequest::Topic>& names) const {
    std::vector<MetadataResponse::Topic> described;
    std::set<std::string_view> seen;
    for (const MetadataRequest::Topic& wanted : names) {
      if (seen.insert(wanted.name).second) described.push_back(named(wanted.name));
    }
    return described;
  }

  MetadataResponse::Topic named(const std::string& name) const {
    if (!check_topic_name(name)) return absent(name, ErrorCode::invalid_topic);
    if (!context_.may(Operation::describe, Resource::topic(name))) {
      return absent(name, ErrorCode::topic_authorization_failed);
    }
    if (const auto topic = context_.services.topics.find(name)) return existing(*topic);
    return absent(name, created_or_why_not(name));
  }

  // A client that is told "no leader yet" asks again, and then finds the topic.
  ErrorCode created_or_why_not(const std::string& name) const {
    const bool is_wanted =
        request_.allow_auto_topic_creation && context_.options.auto_create_topics;
    if (!is_wanted || is_internal_topic(name)) return ErrorCode::unknown_topic_or_partition;
    if (!may_create(context_, name)) return ErrorCode::topic_authorization_failed;
    NewTopic topic;
    topic.name = name;
    const auto created = context_.services.topics.create(topic, Commit::apply);
    if (created || created.error().code == ErrorCode::topic_already_exists) {
      return ErrorCode::leader_not_available;
    }
    return created.error().code;
  }

  MetadataResponse::Topic absent(const std::string& name, ErrorCode code) const {
    MetadataResponse::Topic topic;
    topic.error_code = kafka::wire_error(MetadataResponse::api_key, code);
    topic.name = name;
    topic.is_internal = is_internal_topic(name);
    return topic;
  }

  MetadataResponse::Topic existing(const TopicInfo& info) const {
    MetadataResponse::Topic topic;
    topic.name = info.name;
    topic.is_internal = is_internal_topic(info.name);
    topic.partitions.reserve(info.partitions);
    for (uint32_t i = 0; i < info.partitions; ++i) topic.partitions.push_back(partition(i));
    if (request_.include_topic_authorized_operations) {
      topic.topic_authorized_operations =
          authorized_operations(context_, Resource::topic(info.name));
    }
    return topic;
  }

  // This broker is alone: it leads everything, in the first epoch.
  MetadataResponse::Partition partition(uint32_t index) const {
    MetadataResponse::Partition partition;
    partition.partition_index = static_cast<int32_t>(index);
    partition.leader_id = identity_.id;
    partition.leader_epoch = 0;
    partition.replica_nodes = {identity_.id};
    partition.isr_nodes = {identity_.id};
    return partition;
  }

  const MetadataRequest& request_;
  const RequestContext& context_;
  const BrokerIdentity identity_;
};

}  // namespace

MetadataResponse metadata(const MetadataRequest& request, RequestContext& context) {
  return Describer(request, context).describe();
}

}  // namespace ringmain::gateway
