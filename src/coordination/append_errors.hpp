// What a client is told when its records did not get into __consumer_offsets, as Kafka maps it.
#pragma once

#include "coordination/group_error.hpp"
#include "coordination/messages.hpp"

namespace ringmain::coordination {

constexpr GroupError error_of_commit_append(AppendResult result) {
  switch (result) {
    case AppendResult::done:
      return GroupError::none;
    case AppendResult::not_enough_replicas:
      return GroupError::coordinator_not_available;
    case AppendResult::not_leader:
      return GroupError::not_coordinator;
    case AppendResult::timed_out:
      return GroupError::request_timed_out;
    case AppendResult::too_large:
      return GroupError::invalid_commit_offset_size;
    case AppendResult::failed:
      break;
  }
  return GroupError::unknown_server_error;
}

constexpr GroupError error_of_group_append(AppendResult result) {
  // In JoinGroup and SyncGroup the client is to come again by itself.
  if (result == AppendResult::timed_out) return GroupError::rebalance_in_progress;
  if (result == AppendResult::too_large) return GroupError::unknown_server_error;
  return error_of_commit_append(result);
}

}  // namespace ringmain::coordination
