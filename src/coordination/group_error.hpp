// GroupError: the Kafka error codes that a group coordinator answers with, under their numbers.
#pragma once

#include <cstdint>

namespace ringmain::coordination {

enum class GroupError : int16_t {
  unknown_server_error = -1,
  none = 0,
  unknown_topic_or_partition = 3,
  request_timed_out = 7,
  message_too_large = 10,
  offset_metadata_too_large = 12,
  coordinator_load_in_progress = 14,
  coordinator_not_available = 15,
  not_coordinator = 16,
  illegal_generation = 22,
  inconsistent_group_protocol = 23,
  invalid_group_id = 24,
  unknown_member_id = 25,
  invalid_session_timeout = 26,
  rebalance_in_progress = 27,
  invalid_commit_offset_size = 28,
  group_authorization_failed = 30,
  invalid_request = 42,
  non_empty_group = 68,
  group_id_not_found = 69,
  member_id_required = 79,
  group_max_size_reached = 81,
  fenced_instance_id = 82,
  group_subscribed_to_topic = 86,
};

constexpr int16_t to_wire(GroupError error) {
  return static_cast<int16_t>(error);
}

// As Kafka spells it: "UNKNOWN_MEMBER_ID".
const char* name_of(GroupError error) noexcept;

}  // namespace ringmain::coordination
