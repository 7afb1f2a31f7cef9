// A topic's settings: names, defaults, bounds, and what they mean. The one list of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/partition.hpp"
#include "storage/log_upkeep.hpp"
#include "storage/store_config.hpp"

namespace ringmain::partition {

inline constexpr std::uint32_t kMinDropOldestSlots = 3;

using Overrides = std::map<std::string, std::string>;

struct TopicConfig {
  std::uint64_t max_message_bytes = 1048588;       // max.message.bytes
  // 4160 KiB: a quarter takes a record of the default max.message.bytes, and the three slots that
  // a busy partition cycles through stay in the CPU's caches (docs/benchmarks.md).
  std::uint64_t slot_bytes = 4160ull << 10;        // slot.bytes
  std::uint64_t memory_budget_bytes = 256ull << 20;  // memory.budget.bytes
  format::FullPolicy full_policy = format::FullPolicy::drop_oldest;  // full.policy
  bool single_producer = false;                    // single.producer
  bool on_disk = true;                             // storage=disk
  bool acks_all_on_disk = true;                    // ack.durability
  bool log_append_time = false;                    // message.timestamp.type
  storage::StoreConfig store;                      // segment.bytes, segment.ms, flush.ms, flush.messages, index.interval.bytes
  storage::UpkeepConfig upkeep;                    // cleanup.policy, retention.*, and what compaction goes by

  // A drop-oldest topic has a slot that takes appends, the next one, and one that a stopped reader
  // may hold without stopping its producers: three, also where the budget says two.
  std::uint32_t slot_limit() const noexcept {
    const auto slots = static_cast<std::uint32_t>(memory_budget_bytes / slot_bytes);
    return full_policy == format::FullPolicy::drop_oldest ? std::max(slots, kMinDropOldestSlots) : slots;
  }
};

// Errors: invalid_config, naming the key, the value and what is allowed.
Result<TopicConfig> parse_topic_config(const Overrides& overrides);

// Whether a topic that has the one may get the other. Errors: invalid_config, if `to` is not allowed at all, or if
// it changes what is fixed while the topic lives.
Status check_alteration(const Overrides& from, const Overrides& to);

enum class ConfigKind { boolean, bytes, count, milliseconds, ratio, choice, list };

struct ConfigLine {
  std::string name;
  std::string value;
  std::string preset;
  ConfigKind kind;
  bool is_default;
  bool is_fixed;  // while the topic lives
  std::string documentation;
};
// All settings with the values that these overrides give them. Requires parsed overrides.
std::vector<ConfigLine> describe_topic_config(const Overrides& overrides);

}  // namespace ringmain::partition
