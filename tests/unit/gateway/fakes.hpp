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
  size_t room_for_reply() const noexcept override { return reply_room; }
  void close(std::string why) override { closed_because.push_back(std::move(why)); }

  bool is_deferred = false;
  size_t reply_room = 1 << 30;
  std::vector<net::Reply> later_replies{};  // whole: what they borrowed is copied into them
  std::vector<std::string> closed_because{};

 private:
  void begin_deferral() override { is_deferred = true; }
  void end_deferral(net::Reply reply) override {
    is_deferred = false;
    std::vector<std::byte> whole;
    size_t at = 0;
    for (const net::Reply::Borrowed& lent : reply.borrowed) {
      whole.insert(whole.end(), reply.bytes.begin() + at, reply.bytes.begin() + lent.at);
      whole.insert(whole.end(), lent.bytes.begin(), lent.bytes.end());
      at = lent.at;
    }
    whole.insert(whole.end(), reply.bytes.begin() + at, reply.bytes.end());
    reply.bytes = std::move(whole);
    reply.borrowed.clear();
    later_replies.push_back(std::move(reply));
  }
};

// Knows the topic settings retention.ms and cleanup.policy, and one secret of the broker.
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
    RINGMAIN_TRY(check(wanted.overrides));
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

  Status alter(std::string_view name, const std::map<std::string, std::string>& overrides, Commit commit) override {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return unknown();
    RINGMAIN_TRY(check(overrides));
    if (commit == Commit::apply) found->second.overrides = overrides;
    return {};
  }

  // Each partition holds offsets 5 to 10.
  Result<int64_t> trim(std::string_view name, int32_t partition, std::optional<int64_t> offset) override {
    const auto found = topics_.find(name);
    if (found == topics_.end() || partition < 0 || partition >= static_cast<int32_t>(found->second.partitions))
      return unknown();
    if (offset > 10) return fail(ErrorCode::offset_out_of_range, "beyond the end");
    return std::max<int64_t>(5, offset.value_or(10));
  }

  // Partition i has 1000 + i bytes.
  std::vector<int64_t> log_bytes(std::string_view name) const override {
    std::vector<int64_t> sizes;
    if (const auto topic = find(name))
      for (uint32_t i = 0; i < topic->partitions; ++i) sizes.push_back(1000 + i);
    return sizes;
  }
  LogDirectory log_directory() const override { return {"/bus/log", 5000, 4000}; }

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
    ConfigEntry cleanup{"cleanup.policy", "delete", ConfigSource::preset, "delete", ConfigType::list};
    if (const auto set = topic->overrides.find("cleanup.policy"); set != topic->overrides.end()) {
      cleanup.value = set->second;
      cleanup.source = ConfigSource::topic;
    }
    return std::vector{retention, cleanup};
  }

  std::vector<ConfigEntry> broker_configs() const override {
    ConfigEntry secret{"ssl.key.password", "hush", ConfigSource::broker_start, std::nullopt,
                       ConfigType::password};
    secret.read_only = true;
    secret.sensitive = true;
    return {secret};
  }

 private:
  static Status check(const std::map<std::string, std::string>& overrides) {
    for (const auto& [key, value] : overrides) {
      const bool is_number = !value.empty() && value[0] >= '0' && value[0] <= '9';
      if (key != "retention.ms" && key != "cleanup.policy") return fail(ErrorCode::invalid_config, "no setting " + key);
      if (key == "retention.ms" && !is_number) return fail(ErrorCode::invalid_config, "retention.ms is a number");
    }
    return {};
  }
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

// Partition 0 of every topic, in memory. What shall wait is parked until the test says go on.
class FakeRecords final : public RecordService {
 public:
  enum class Answers { at_once, later };
  Answers answers = Answers::at_once;
  std::optional<Error> error{};  // of everything, once set
  std::map<std::string, std::vector<kafka::Bytes>> logs{};
  std::vector<AppendOptions> appends{};
  std::vector<FetchOptions> fetches{};
  std::vector<std::function<void()>> parked{};
  std::vector<uint64_t> closed_connections{};

  void go_on() {
    for (const auto& answer : std::exchange(parked, {})) answer();
  }

  void append(std::vector<NewBatch> batches, const AppendOptions& options, AppendDone done) override {
    appends.push_back(options);
    std::vector<Appended> results;
    for (const NewBatch& batch : batches) {
      Appended& result = results.emplace_back();
      result.error = error_of(batch.partition);
      if (result.error) continue;
      result.base_offset = end_of(batch.topic);
      result.log_start_offset = 0;
      kafka::Bytes& kept = logs[batch.topic].emplace_back(batch.bytes.begin(), batch.bytes.end());
      kafka::stamp_offset(kept, result.base_offset, only_leader_epoch);
    }
    now_or_later([done = std::move(done), results = std::move(results)] { done(results); });
  }

  void fetch(std::vector<WantedRecords> wanted, const FetchOptions& options, FetchDone done) override {
    fetches.push_back(options);
    now_or_later([this, wanted = std::move(wanted), done = std::move(done)] {
      std::vector<FetchedRecords> results;
      for (const WantedRecords& one : wanted) {
        FetchedRecords& result = results.emplace_back();
        result.error = error_of(one.partition);
        if (result.error) continue;
        result.high_watermark = end_of(one.topic);
        result.log_start_offset = 0;
        for (const kafka::Bytes& batch : logs[one.topic])
          if (kafka::RecordBatch::parse(batch, kafka::CheckCrc::no)->header().base_offset >= one.offset) result.records.add(batch);
      }
      done(std::move(results));
    });
  }

  Result<int64_t> first_offset(const std::string&, int32_t partition) override {
    if (const auto refused = error_of(partition)) return tl::make_unexpected(*refused);
    return 0;
  }
  Result<int64_t> end_offset(const std::string& topic, int32_t partition) override {
    if (const auto refused = error_of(partition)) return tl::make_unexpected(*refused);
    return end_of(topic);
  }
  // Offset n has the time 1000 + n.
  Result<FoundOffset> offset_of_time(const std::string& topic, int32_t partition, int64_t timestamp_ms) override {
    if (const auto refused = error_of(partition)) return tl::make_unexpected(*refused);
    const int64_t offset = std::max<int64_t>(timestamp_ms - 1000, 0);
    return offset < end_of(topic) ? FoundOffset{offset, 1000 + offset} : FoundOffset{};
  }
  Result<FoundOffset> offset_of_largest_time(const std::string& topic, int32_t partition) override {
    return offset_of_time(topic, partition, 1000 + end_of(topic) - 1);
  }
  void closed(const net::Connection& connection) override { closed_connections.push_back(connection.id().value()); }

 private:
  std::optional<Error> error_of(int32_t partition) const {
    if (error || partition == 0) return error;
    return Error{ErrorCode::unknown_topic_or_partition, "there is only partition 0"};
  }
  int64_t end_of(const std::string& topic) {
    int64_t end = 0;
    for (const kafka::Bytes& batch : logs[topic])
      end += kafka::RecordBatch::parse(batch, kafka::CheckCrc::no)->header().offset_count();
    return end;
  }
  void now_or_later(std::function<void()> answer) {
    if (answers == Answers::at_once) return answer();
    parked.push_back(std::move(answer));
  }
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
