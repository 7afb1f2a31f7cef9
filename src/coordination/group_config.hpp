// GroupConfig: the settings of a group coordinator, with Kafka's names and defaults.
#pragma once

#include <cstdint>
#include <limits>

namespace ringmain::coordination {

struct GroupConfig {
  int32_t initial_rebalance_delay_ms = 3000;                  // group.initial.rebalance.delay.ms
  int32_t min_session_timeout_ms = 6000;                      // group.min.session.timeout.ms
  int32_t max_session_timeout_ms = 1800000;                   // group.max.session.timeout.ms
  int32_t max_members = std::numeric_limits<int32_t>::max();  // group.max.size
  int64_t offsets_retention_ms = int64_t{10080} * 60 * 1000;  // offsets.retention.minutes
  int64_t retention_check_ms = 600000;                        // offsets.retention.check.interval.ms
  int32_t offset_metadata_max_bytes = 4096;  // offset.metadata.max.bytes; at most 32767
};

// A member that waits in JoinGroup for the first time cannot send heartbeats yet. If its client
// died, this ends its wait (Kafka's fixed value).
inline constexpr int64_t kNewMemberJoinTimeoutMs = 5 * 60 * 1000;

// Ids that were handed out with MEMBER_ID_REQUIRED and have not come back yet, in one group. More
// is no group of consumers but an attempt on our memory: each costs a request to make.
inline constexpr size_t kMaxPendingMembers = 10000;

}  // namespace ringmain::coordination
