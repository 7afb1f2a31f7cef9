// First and end offsets of a topic's partitions, for commands that show or choose them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ringmain/bus.hpp"
#include "ringmain/consumer.hpp"

namespace ringmain::tools {

struct OffsetRange {
  int64_t start = 0;  // of the oldest record that is there
  int64_t end = 0;    // one past the newest published record
};

std::vector<TopicPartition> partitions_of(const TopicDescription& topic);

// By partition, in the order of `partitions`.
std::vector<OffsetRange> offset_ranges(Consumer& consumer,
                                       const std::vector<TopicPartition>& partitions);
// The same, also where the broker is elsewhere.
std::vector<OffsetRange> offset_ranges(Bus& bus, const std::vector<TopicPartition>& partitions);

}  // namespace ringmain::tools
