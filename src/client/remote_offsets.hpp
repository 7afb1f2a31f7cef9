// ListOffsets: where partitions start and end, and which offset belongs to a time. Waits.
#pragma once

#include <cstdint>
#include <map>

#include "client/remote_leaders.hpp"

namespace ringmain::client {

struct FoundOffset {
  std::int16_t error = 0;          // Kafka's code
  std::int64_t offset = -1;        // -1: there is none
  std::int64_t timestamp_ms = -1;  // of that record, where a time was asked for
};

// Of partitions of one leader; `times` as ListOffsets has them: -1 end, -2 start, or milliseconds
// since 1970. The answer may lack some. Errors: those of a call.
Result<std::map<TopicPartition, FoundOffset>> list_offsets(
    Call& call, To leader, const std::map<TopicPartition, std::int64_t>& times);

}  // namespace ringmain::client
