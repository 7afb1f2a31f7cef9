// The topics of the campaign: small slots, so that segments roll and are recycled all the time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ringmain/admin.hpp"

namespace ringmain::crash {

enum class Losses { never, told };  // `told`: drop-oldest, the reader is told how many it missed

struct Topic {
  const char* name;
  std::int32_t partitions;
  const char* policy;
  const char* single_producer;
  const char* budget_bytes;
  Losses losses;
};

inline constexpr const char* kSlotBytes = "65536";
inline constexpr std::array<Topic, 3> kTopics = {{
    {"drop", 1, "drop-oldest", "false", "1048576", Losses::told},
    {"block", 2, "block", "false", "786432", Losses::never},
    {"single", 1, "block", "true", "524288", Losses::never},
}};
inline constexpr std::uint32_t kDrop = 0;
inline constexpr std::uint32_t kBlock = 1;
inline constexpr std::uint32_t kSingle = 2;

// A log is one partition of a topic.
inline constexpr std::uint32_t kMaxPartitions = 2;
constexpr std::uint32_t log_of(std::uint32_t topic, std::int32_t partition) {
  return topic * kMaxPartitions + static_cast<std::uint32_t>(partition);
}
constexpr const Topic& topic_of(std::uint32_t log) { return kTopics[log / kMaxPartitions]; }

inline std::uint32_t topic_index(std::string_view name) {
  for (std::uint32_t i = 0; i < kTopics.size(); ++i)
    if (name == kTopics[i].name) return i;
  return ~0u;
}

inline NewTopic new_topic(const Topic& topic) {
  NewTopic wanted;
  wanted.name = topic.name;
  wanted.partitions = topic.partitions;
  wanted.if_not_exists = true;
  wanted.configs = {{"slot.bytes", kSlotBytes},
                    {"memory.budget.bytes", topic.budget_bytes},
                    {"full.policy", topic.policy},
                    {"single.producer", topic.single_producer}};
  return wanted;
}

}  // namespace ringmain::crash
