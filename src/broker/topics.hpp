// The bus's topics and their partitions: the catalogue on disk, the partitions in shared memory.
// Broker's thread only. A partition is opened when somebody first attaches to it, or at start if
// an earlier broker left its files.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "broker/broker_config.hpp"
#include "broker/catalogue.hpp"
#include "gateway/topic_service.hpp"
#include "partition/partition.hpp"

namespace ringmain::broker {

class Topics final : public gateway::TopicService {
 public:
  using LogLine = std::function<void(const std::string&)>;

  Topics(Catalogue& catalogue, std::string shm_folder, const BrokerConfig& config,
         std::map<std::string, std::string> broker_settings, bool fences, format::Doorbell* doorbells, LogLine log,
         storage::Storage& storage);

  // Reads the catalogue, opens what is in shared memory, removes what belongs to no topic.
  Status recover();

  std::vector<gateway::TopicInfo> topics() const override;
  std::optional<gateway::TopicInfo> find(std::string_view name) const override;
  Result<gateway::TopicInfo> create(const gateway::NewTopic& topic, gateway::Commit commit) override;
  Status remove(std::string_view name) override;
  Status add_partitions(std::string_view name, std::int32_t total, gateway::Commit commit) override;
  Status alter(std::string_view name, const std::map<std::string, std::string>& overrides, gateway::Commit commit) override;
  Result<std::int64_t> trim(std::string_view topic, std::int32_t partition, std::optional<std::int64_t> offset) override;
  std::vector<std::int64_t> log_bytes(std::string_view topic) const override;
  gateway::LogDirectory log_directory() const override;
  Result<std::vector<gateway::ConfigEntry>> topic_configs(std::string_view name) const override;
  std::vector<gateway::ConfigEntry> broker_configs() const override;

  // Its settings; unknown_topic_or_partition.
  Result<partition::TopicConfig> config(std::string_view topic) const;
  // Called before an open partition is closed for good: whoever keeps one lets go of it now.
  void on_removal(std::function<void(partition::Partition&)> call) { on_removal_ = std::move(call); }
  // Called for each open partition of a topic that has other settings now.
  void on_alteration(std::function<void(partition::Partition&, const partition::TopicConfig&)> call) {
    on_alteration_ = std::move(call);
  }
  // Called when a topic is gone.
  void on_topic_removal(std::function<void(const std::string&)> call) { on_topic_removal_ = std::move(call); }

  // Opens it if need be. Errors: unknown_topic_or_partition, no_space, corrupt_memory.
  Result<partition::Partition*> partition(std::string_view topic, std::int32_t index);
  partition::Partition* open_partition(const partition::TopicId& id, std::int32_t index);
  void for_each_open(const std::function<void(partition::Partition&)>& visit);

 private:
  struct Topic {
    CatalogueTopic entry;
    std::map<std::uint32_t, std::unique_ptr<partition::Partition>> open;
  };
  static gateway::TopicInfo info(const Topic& topic);
  tl::unexpected<Error> unknown(std::string_view name) const;
  Result<partition::TopicConfig> parsed(const partition::Overrides& overrides) const;
  Result<partition::Partition*> open(Topic& topic, std::uint32_t index);
  Status remove_strays();

  Catalogue& catalogue_;
  const std::string folder_;
  const BrokerConfig& config_;
  const std::map<std::string, std::string> broker_settings_;
  const bool fences_;
  format::Doorbell* const doorbells_;
  const LogLine log_;
  storage::Storage& storage_;
  std::function<void(partition::Partition&)> on_removal_ = [](partition::Partition&) {};
  std::function<void(partition::Partition&, const partition::TopicConfig&)> on_alteration_ =
      [](partition::Partition&, const partition::TopicConfig&) {};
  std::function<void(const std::string&)> on_topic_removal_ = [](const std::string&) {};
  std::map<std::string, Topic, std::less<>> topics_;
};

}  // namespace ringmain::broker
