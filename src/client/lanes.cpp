#include "client/lanes.hpp"

#include <fmt/format.h>

#include <utility>

#include "client/bus_impl.hpp"

namespace ringmain::client {
namespace {

std::string value_of(const std::vector<ConfigValue>& configs, std::string_view name) {
  for (const ConfigValue& config : configs)
    if (config.name == name) return config.value;
  return {};
}

}  // namespace

Lane& Lanes::open(std::size_t partition) {
  auto made = std::make_shared<Lane>(
      bus_, TopicPartition{last_topic_, static_cast<std::int32_t>(partition)}, options_.appender);
  std::vector<ConfigValue> configs;
  if (options_.acks_all || options_.makes_batches) configs = bus_.admin().describe_configs(last_topic_);
  made->waits_for_disk = waits_for_disk(*made, value_of(configs, "ack.durability"));
  made->is_compacted = value_of(configs, "cleanup.policy").find("compact") != std::string::npos;
  if (partition >= last_->size()) last_->resize(partition + 1);
  (*last_)[partition] = std::move(made);
  return *(*last_)[partition];
}

// The producer's own ack.durability holds over the topic's, which is what acks=all means.
bool Lanes::waits_for_disk(const Lane& lane, std::string_view topic_durability) const {
  const bool is_persistent = lane.appender.is_persistent();
  if (options_.durability == "disk" && !is_persistent)
    throw Exception({ErrorCode::invalid_config,
                     fmt::format("ack.durability=disk: topic {} is in memory (storage=memory)",
                                 lane.appender.partition().topic)});
  if (options_.durability != "topic") return options_.durability == "disk";
  return options_.acks_all && is_persistent && topic_durability != "memory";
}

Lanes::Topic Lanes::forget(std::string_view topic) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return {};
  Topic lanes = std::move(found->second);
  topics_.erase(found);
  last_topic_.clear();
  last_ = nullptr;
  return lanes;
}

}  // namespace ringmain::client
