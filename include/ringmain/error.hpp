// Errors of the public API: a code to act on and a sentence to read.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace ringmain {

// Codes below 1000 are the Kafka protocol's own error codes with their numbers.
enum class ErrorCode : int16_t {
  unknown = -1,
  none = 0,
  offset_out_of_range = 1,
  corrupt_message = 2,
  unknown_topic_or_partition = 3,
  leader_not_available = 5,
  request_timed_out = 7,
  message_too_large = 10,
  offset_metadata_too_large = 12,
  network_exception = 13,
  coordinator_load_in_progress = 14,
  coordinator_not_available = 15,
  not_coordinator = 16,
  invalid_topic = 17,
  invalid_required_acks = 21,
  illegal_generation = 22,
  inconsistent_group_protocol = 23,
  invalid_group_id = 24,
  unknown_member_id = 25,
  invalid_session_timeout = 26,
  rebalance_in_progress = 27,
  invalid_commit_offset_size = 28,
  topic_authorization_failed = 29,
  group_authorization_failed = 30,
  cluster_authorization_failed = 31,
  unsupported_version = 35,
  topic_already_exists = 36,
  invalid_partitions = 37,
  invalid_replication_factor = 38,
  invalid_replica_assignment = 39,
  invalid_config = 40,
  not_controller = 41,
  invalid_request = 42,
  unsupported_for_message_format = 43,
  policy_violation = 44,
  kafka_storage_error = 56,
  non_empty_group = 68,
  group_id_not_found = 69,
  fetch_session_id_not_found = 70,
  fenced_leader_epoch = 74,
  unknown_leader_epoch = 75,
  unsupported_compression_type = 76,
  member_id_required = 79,
  group_max_size_reached = 81,
  fenced_instance_id = 82,
  group_subscribed_to_topic = 86,
  invalid_record = 87,
  mismatched_endpoint_type = 114,

  // Ringmain's own.
  io = 1000,               // the operating system refused; the message carries its words
  no_space = 1001,         // shared memory, disk or a budget is full
  corrupt_memory = 1002,   // a shared file breaks its format
  version_mismatch = 1003, // a file or a peer of another version
  broker_unavailable = 1004,
  already_running = 1005,  // another broker holds the bus
  permission_denied = 1006,
  invalid_argument = 1007,
  exclusive_taken = 1008,  // the partition has its single producer already
  closed = 1009,
  invalid_state = 1010,
  not_found = 1011,       // no file or directory of that name
  already_exists = 1012,  // a file of that name is there
  read_only = 1013,       // the file system takes no writes
};

// The code's name as Kafka spells it, in lower case: "unknown_topic_or_partition".
const char* error_name(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::unknown;
  std::string message;  // what failed, on what, why, and what to do
};

// Thrown by the public API wherever a call cannot do what its name says.
class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error)
      : std::runtime_error(error.message), code_(error.code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace ringmain
