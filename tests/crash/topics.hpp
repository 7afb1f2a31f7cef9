// The topics of the campaign: small slots, so that segments roll and are recycled all the time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ringmain/admin.hpp"

namespace ringmain::crash {

enum class Losses {
  never,
  told,  // drop-oldest, retention, trims: the reader is told how many it missed
};

struct Topic {
  const char* name;
  std::int32_t partitions;
  Losses losses;
  bool keeps_all;  // every record ever published is there for a reader from the start
  std::map<std::string, std::string> configs;
};

inline constexpr const char* kSlotBytes = "65536";
inline const std::array<Topic, 5> kTopics = {{
    {"drop", 1, Losses::told, false,
     {{"storage", "memory"}, {"full.policy", "drop-oldest"}, {"memory.budget.bytes", "1048576"}}},
    {"block", 2, Losses::never, false,
     {{"storage", "memory"}, {"full.policy", "block"}, {"memory.budget.bytes", "786432"}}},
    {"single", 1, Losses::never, false,
     {{"storage", "memory"}, {"full.policy", "block"}, {"memory.budget.bytes", "524288"}, {"single.producer", "true"}}},
    // On disk, in files of four segments, and little memory: who is not quick reads files.
    {"disk", 1, Losses::never, true,
     {{"storage", "disk"}, {"segment.bytes", "262144"}, {"memory.budget.bytes", "393216"}, {"retention.ms", "-1"}}},
    // The same, and its files go at once: by retention, and because producers trim it.
    {"short", 1, Losses::told, false,
     {{"storage", "disk"}, {"segment.bytes", "131072"}, {"memory.budget.bytes", "393216"}, {"retention.bytes", "262144"}}},
}};
inline constexpr std::uint32_t kDrop = 0;
inline constexpr std::uint32_t kBlock = 1;
inline constexpr std::uint32_t kSingle = 2;
inline constexpr std::uint32_t kDisk = 3;
inline constexpr std::uint32_t kShort = 4;

// A log is one partition of a topic.
inline constexpr std::uint32_t kMaxPartitions = 2;
constexpr std::uint32_t log_of(std::uint32_t topic, std::int32_t partition) {
  return topic * kMaxPartitions + static_cast<std::uint32_t>(partition);
}
inline const Topic& topic_of(std::uint32_t log) { return kTopics[log / kMaxPartitions]; }

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
  wanted.configs = topic.configs;
  wanted.configs["slot.bytes"] = kSlotBytes;
  return wanted;
}

}  // namespace ringmain::crash
