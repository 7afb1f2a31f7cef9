// A topic's settings: names, defaults, bounds, and what they mean. The one list of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/partition.hpp"

namespace ringmain::partition {

using Overrides = std::map<std::string, std::string>;

struct TopicConfig {
  std::uint64_t max_message_bytes = 1048588;       // max.message.bytes
  // 4160 KiB: a quarter takes a record of the default max.message.bytes, and the three slots that
  // a busy partition cycles through stay in the CPU's caches (docs/benchmarks.md).
  std::uint64_t slot_bytes = 4160ull << 10;        // slot.bytes
  std::uint64_t memory_budget_bytes = 256ull << 20;  // memory.budget.bytes
  format::FullPolicy full_policy = format::FullPolicy::drop_oldest;  // full.policy
  bool single_producer = false;                    // single.producer

  std::uint32_t slot_limit() const noexcept {
    return static_cast<std::uint32_t>(memory_budget_bytes / slot_bytes);
  }
};

// Errors: invalid_config, naming the key, the value and what is allowed.
Result<TopicConfig> parse_topic_config(const Overrides& overrides);

enum class ConfigKind { boolean, bytes, choice };

struct ConfigLine {
  std::string name;
  std::string value;
  std::string preset;
  ConfigKind kind;
  bool is_default;
  std::string documentation;
};
// All settings with the values that these overrides give them. Requires parsed overrides.
std::vector<ConfigLine> describe_topic_config(const Overrides& overrides);

}  // namespace ringmain::partition
