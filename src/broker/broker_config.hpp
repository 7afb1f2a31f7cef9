// The broker's own settings: names, defaults, bounds. The one list of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "coordination/group_config.hpp"
#include "gateway/topic_service.hpp"

namespace ringmain::broker {

struct BrokerConfig {
  std::int32_t broker_id = 1;                       // broker.id
  std::int32_t num_partitions = 1;                  // num.partitions
  bool auto_create_topics = true;                   // auto.create.topics.enable
  std::string bus_group;                            // bus.group
  std::string advertised_listeners;                 // advertised.listeners
  std::int64_t request_max_bytes = 100 << 20;       // socket.request.max.bytes
  std::int64_t fetch_max_bytes = 55 << 20;          // fetch.max.bytes
  std::int64_t connections_max = 10000;             // max.connections
  std::int64_t connections_memory_bytes = 512 << 20;  // connections.memory.max.bytes
  std::int64_t connections_max_idle_ms = 600000;    // connections.max.idle.ms
  std::int64_t retention_check_ms = 300000;         // log.retention.check.interval.ms
  std::int64_t cleaner_backoff_ms = 15000;          // log.cleaner.backoff.ms
  coordination::GroupConfig groups;                 // group.*, offsets.*
  std::int32_t offsets_partitions = 50;             // offsets.topic.num.partitions
  std::uint64_t cleaner_buffer_bytes = 16 << 20;    // log.cleaner.dedupe.buffer.size
};

// Errors: invalid_config.
Result<BrokerConfig> parse_broker_config(const std::map<std::string, std::string>& configs);
std::vector<gateway::ConfigEntry> describe_broker_config(const std::map<std::string, std::string>& configs);

}  // namespace ringmain::broker
