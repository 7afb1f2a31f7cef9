// Admin over the control connection, in the Kafka protocol.
#pragma once

#include <memory>

#include "client/bus_connection.hpp"
#include "ringmain/admin.hpp"

namespace ringmain::client {

class AdminClient final : public Admin {
 public:
  explicit AdminClient(std::shared_ptr<BusConnection> bus, std::string client_id = {})
      : bus_(std::move(bus)), client_id_(std::move(client_id)) {}

  void create_topic(const NewTopic& topic) override;
  void delete_topic(const std::string& name) override;
  void add_partitions(const std::string& name, std::int32_t total) override;
  std::vector<TopicDescription> list_topics() override;
  TopicDescription describe_topic(const std::string& name) override;
  std::vector<ConfigValue> describe_configs(const std::string& topic) override;
  std::string describe_locks(const std::string& topic) override;

 private:
  template <class Response, class Request>
  Response ask(const Request& request, std::int16_t version);

  std::shared_ptr<BusConnection> bus_;
  const std::string client_id_;  // of its requests; empty: the bus's client
};

}  // namespace ringmain::client
