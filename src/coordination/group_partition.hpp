// Which partition of __consumer_offsets a group's records go to, and so who coordinates it.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringmain::coordination {

inline constexpr const char* kOffsetsTopic = "__consumer_offsets";
inline constexpr int32_t kOffsetsTopicPartitions = 50;  // Kafka's offsets.topic.num.partitions

// Java's String.hashCode() of UTF-8 text: over UTF-16 units, as Kafka's brokers compute it.
// A malformed sequence counts as U+FFFD, as Java decodes it.
int32_t java_hash(std::string_view utf8) noexcept;

// In [0, partitions). Requires partitions > 0.
int32_t group_partition(std::string_view group, int32_t partitions) noexcept;

}  // namespace ringmain::coordination
