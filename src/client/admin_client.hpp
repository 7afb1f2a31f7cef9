// Admin in the Kafka protocol, over whatever leads to a broker.
//
// admin_client.cpp topics, admin_configs.cpp settings and the cluster, admin_groups.cpp groups.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/call.hpp"
#include "ringmain/admin.hpp"

namespace ringmain::client {

class AdminClient final : public Admin {
 public:
  explicit AdminClient(std::shared_ptr<Call> call, std::string client_id = {})
      : call_(std::move(call)), client_id_(std::move(client_id)) {}

  void create_topic(const NewTopic& topic) override;
  void delete_topic(const std::string& name) override;
  void add_partitions(const std::string& name, std::int32_t total) override;
  std::int64_t delete_records(const std::string& topic, std::int32_t partition, std::int64_t before_offset) override;
  std::vector<std::int64_t> describe_log_sizes(const std::string& topic) override;
  std::vector<TopicDescription> list_topics() override;
  TopicDescription describe_topic(const std::string& name) override;
  std::map<TopicPartition, std::optional<std::int64_t>> list_offsets(
      const std::map<TopicPartition, OffsetSpec>& wanted) override;
  std::string describe_locks(const std::string& topic) override;

  std::vector<ConfigValue> describe_configs(const std::string& topic) override;
  std::vector<ConfigValue> describe_broker_configs(std::int32_t broker_id) override;
  void alter_configs(const std::string& topic, const ConfigChange& change) override;
  void alter_broker_configs(const ConfigChange& change, std::int32_t broker_id) override;
  ClusterDescription describe_cluster() override;

  std::vector<GroupListing> list_groups() override;
  GroupDescription describe_group(const std::string& group) override;
  void alter_group_offsets(const std::string& group, const std::map<TopicPartition, std::int64_t>& offsets) override;
  void delete_group_offsets(const std::string& group, const std::vector<TopicPartition>& partitions) override;
  void delete_group(const std::string& group) override;

 private:
  template <class Response, class Request>
  Response ask(const Request& request, To to = To::any(), Versions versions = Versions::of<Request>()) {
    auto said = call_->ask<Response>(request, to, versions, client_id_);
    if (!said) throw Exception(said.error());
    return std::move(said->response);
  }

  // What is asked of the leader of each partition; throws for a topic or partition that is not there.
  std::map<std::int32_t, std::vector<TopicPartition>> by_leader(const std::vector<TopicPartition>& partitions);
  std::int32_t this_broker(std::int32_t broker_id);
  std::vector<ConfigValue> describe_resource(std::int8_t type, const std::string& name, To to, const std::string& what);
  void alter_resource(std::int8_t type, const std::string& name, To to, const ConfigChange& change, const std::string& what);

  // Calls with the coordinator of a group, again while it is not ready: `asked` gives the error of its answer.
  void with_coordinator(const std::string& group, const std::function<std::int16_t(To)>& asked);
  To coordinator_of(const std::string& group, std::int16_t& error);
  std::vector<GroupOffset> committed_offsets(const std::string& group);
  void add_end_offsets(std::vector<GroupOffset>& offsets);

  const std::shared_ptr<Call> call_;
  const std::string client_id_;  // of its requests; empty: the connection's
};

// Throws Exception with the broker's sentence, or else with `what` and the code's name, unless the code is 0.
void check_answer(std::int16_t code, const std::optional<std::string>& message, const std::string& what);

}  // namespace ringmain::client
