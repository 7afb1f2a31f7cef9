// A broker in memory behind the gateway's interfaces, and a connection without a socket.
// Shared by the tests and by the fuzzer.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/gateway.hpp"

namespace ringmain::gateway {

class FakeConnection final : public net::Connection {
 public:
  explicit FakeConnection(net::Transport transport, uint32_t listener = 0)
      : Connection({net::ConnectionId(1), net::ListenerId(listener), transport, "the client"}) {}

  Result<os::Pidfd> open_peer_pidfd() const override {
    return fail(ErrorCode::closed, "no process");
  }
  void close(std::string) override {}

 private:
  void begin_deferral() override {}
  void end_deferral(net::Reply) override {}
};

// Knows one topic setting, retention.ms, and one secret of the broker.
class FakeTopics final : public TopicService {
 public:
  static constexpr uint32_t partitions_max = 1000;

  std::vector<TopicInfo> topics() const override {
    std::vector<TopicInfo> all;
    for (const auto& [name, topic] : topics_) all.push_back(topic);
    return all;
  }

  std::optional<TopicInfo> find(std::string_view name) const override {
    const auto found = topics_.find(name);
    return found == topics_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<TopicInfo> create(const NewTopic& wanted, Commit commit) override {
    if (const auto topic = find(wanted.name)) {
      if (wanted.id && topic->id == *wanted.id) return *topic;
      return fail(ErrorCode::topic_already_exists, "there is one already");
    }
    for (const auto& [key, value] : wanted.overrides) {
      if (key != "retention.ms") return fail(ErrorCode::invalid_config, "no setting " + key);
      if (value.empty() || value[0] < '0' || value[0] > '9') {
        return fail(ErrorCode::invalid_config, "retention.ms is a number");
      }
    }
    TopicInfo topic;
    topic.id.bytes[15] = ++next_id_;
    if (wanted.id) topic.id = *wanted.id;
    topic.name = wanted.name;
    topic.partitions = wanted.partitions < 0 ? 3 : static_cast<uint32_t>(wanted.partitions);
    topic.overrides = wanted.overrides;
    if (topic.partitions > partitions_max) return fail(ErrorCode::invalid_partitions, "too many");
    if (commit == Commit::apply) topics_.emplace(topic.name, topic);
    return topic;
  }

  Status remove(std::string_view name) override {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return unknown();
    topics_.erase(found);
    return {};
  }

  Status add_partitions(std::string_view name, int32_t total, Commit commit) override {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return unknown();
    if (static_cast<uint32_t>(total) > partitions_max)
      return fail(ErrorCode::invalid_partitions, "too many");
    if (commit == Commit::apply) found->second.partitions = static_cast<uint32_t>(total);
    return {};
  }

  Result<std::vector<ConfigEntry>> topic_configs(std::string_view name) const override {
    const auto topic = find(name);
    if (!topic) return unknown();
    ConfigEntry retention{"retention.ms", "604800000", ConfigSource::preset, "604800000",
                          ConfigType::int64};
    retention.documentation = "how long records are kept";
    if (const auto set = topic->overrides.find("retention.ms"); set != topic->overrides.end()) {
      retention.value = set->second;
      retention.source = ConfigSource::topic;
    }
    return std::vector{retention};
  }

  std::vector<ConfigEntry> broker_configs() const override {
    ConfigEntry secret{"ssl.key.password", "hush", ConfigSource::broker_start, std::nullopt,
                       ConfigType::password};
    secret.read_only = true;
    secret.sensitive = true;
    return {secret};
  }

 private:
  static tl::unexpected<Error> unknown() {
    return fail(ErrorCode::unknown_topic_or_partition, "there is no such topic");
  }

  std::map<std::string, TopicInfo, std::less<>> topics_;
  uint8_t next_id_ = 0;
};

// Tells each listener a port of its own.
class FakeBroker final : public BrokerView {
 public:
  uint16_t first_port = 9092;

  BrokerIdentity identity(const net::Connection& connection) const override {
    return {7, "the-cluster", "127.0.0.1",
            static_cast<uint16_t>(first_port + connection.listener().value())};
  }
};

class FakeAttach final : public AttachService {
 public:
  std::vector<int> lent_fds{};
  int closed_connections = 0;

  WithFds<kafka::HelloResponse> hello(net::Connection&,
                                      const kafka::HelloRequest& request) override {
    WithFds<kafka::HelloResponse> answer;
    answer.response.participant_id = 5;
    answer.response.broker_version = "for " + request.client_id.substr(0, 100);
    answer.fds = lent_fds;
    return answer;
  }
  WithFds<kafka::AttachResponse> attach(net::Connection&,
                                        const kafka::AttachRequest& request) override {
    WithFds<kafka::AttachResponse> answer;
    answer.response.partition = request.partition;
    answer.response.entry_index = request.role;
    answer.fds = lent_fds;
    return answer;
  }
  kafka::DetachResponse detach(net::Connection&, const kafka::DetachRequest&) override {
    return {};
  }
  WithFds<kafka::LogFileResponse> log_file(net::Connection&,
                                           const kafka::LogFileRequest& request) override {
    WithFds<kafka::LogFileResponse> answer;
    answer.response.base_offset = request.offset / 100 * 100;
    answer.response.end_offset = answer.response.base_offset + 100;
    answer.response.size_bytes = 65536;
    answer.fds = lent_fds;
    return answer;
  }
  kafka::LocksResponse locks(net::Connection&, const kafka::LocksRequest&) override {
    kafka::LocksResponse response;
    response.json = "{}";
    return response;
  }
  void closed(net::Connection&) override { ++closed_connections; }
};

// Allows all but what is listed; an empty name stands for the cluster.
class FakeAuthorizer final : public Authorizer {
 public:
  std::set<std::pair<Operation, std::string>> denied{};

  bool may(const net::Connection&, Operation operation, const Resource& resource) const override {
    return !denied.contains({operation, std::string(resource.name)});
  }
};

}  // namespace ringmain::gateway
