// Offsets by time, over all of one partition's log: files first, then shared memory. Broker's
// thread.
#pragma once

#include <cstdint>
#include <optional>

#include "broker/log_source.hpp"

namespace ringmain::broker {

struct TimedOffset {
  std::uint64_t offset = 0;
  std::int64_t timestamp_ms = 0;
};

// The first record of that time or later; nullopt: all are older. Timestamps may run backwards, in
// memory by no more than a minute: segments that begin earlier than that are not searched.
// Errors: as LogSource::read().
Result<std::optional<TimedOffset>> find_time(LogSource& source,
                                             const partition::Partition& partition,
                                             std::int64_t timestamp_ms);

// The record with the largest timestamp, the first of them; nullopt: there is none.
Result<std::optional<TimedOffset>> find_largest_time(LogSource& source,
                                                     const partition::Partition& partition);

}  // namespace ringmain::broker
