// Errors from errno, and the names of error codes.
#include "base/result.hpp"

namespace ringmain {
namespace {

ErrorCode code_of(int error) noexcept {
  switch (error) {
    case ENOSPC:
      return ErrorCode::no_space;
    case EACCES:
    case EPERM:
      return ErrorCode::permission_denied;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(const std::string& what, int error) {
  return fail(code_of(error), what + ": " + std::system_category().message(error));
}

// No default: the compiler names a code that is missing here.
const char* error_name(ErrorCode code) noexcept {
  // clang-format off
  switch (code) {
    case ErrorCode::unknown: return "unknown";
    case ErrorCode::none: return "none";
    case ErrorCode::offset_out_of_range: return "offset_out_of_range";
    case ErrorCode::corrupt_message: return "corrupt_message";
    case ErrorCode::unknown_topic_or_partition: return "unknown_topic_or_partition";
    case ErrorCode::leader_not_available: return "leader_not_available";
    case ErrorCode::request_timed_out: return "request_timed_out";
    case ErrorCode::message_too_large: return "message_too_large";
    case ErrorCode::offset_metadata_too_large: return "offset_metadata_too_large";
    case ErrorCode::network_exception: return "network_exception";
    case ErrorCode::coordinator_load_in_progress: return "coordinator_load_in_progress";
    case ErrorCode::coordinator_not_available: return "coordinator_not_available";
    case ErrorCode::not_coordinator: return "not_coordinator";
    case ErrorCode::invalid_topic: return "invalid_topic";
    case ErrorCode::invalid_required_acks: return "invalid_required_acks";
    case ErrorCode::illegal_generation: return "illegal_generation";
    case ErrorCode::inconsistent_group_protocol: return "inconsistent_group_protocol";
    case ErrorCode::invalid_group_id: return "invalid_group_id";
    case ErrorCode::unknown_member_id: return "unknown_member_id";
    case ErrorCode::invalid_session_timeout: return "invalid_session_timeout";
    case ErrorCode::rebalance_in_progress: return "rebalance_in_progress";
    case ErrorCode::invalid_commit_offset_size: return "invalid_commit_offset_size";
    case ErrorCode::topic_authorization_failed: return "topic_authorization_failed";
    case ErrorCode::group_authorization_failed: return "group_authorization_failed";
    case ErrorCode::cluster_authorization_failed: return "cluster_authorization_failed";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::topic_already_exists: return "topic_already_exists";
    case ErrorCode::invalid_partitions: return "invalid_partitions";
    case ErrorCode::invalid_replication_factor: return "invalid_replication_factor";
    case ErrorCode::invalid_replica_assignment: return "invalid_replica_assignment";
    case ErrorCode::invalid_config: return "invalid_config";
    case ErrorCode::not_controller: return "not_controller";
    case ErrorCode::invalid_request: return "invalid_request";
    case ErrorCode::unsupported_for_message_format: return "unsupported_for_message_format";
    case ErrorCode::policy_violation: return "policy_violation";
    case ErrorCode::kafka_storage_error: return "kafka_storage_error";
    case ErrorCode::non_empty_group: return "non_empty_group";
    case ErrorCode::group_id_not_found: return "group_id_not_found";
    case ErrorCode::fetch_session_id_not_found: return "fetch_session_id_not_found";
    case ErrorCode::fenced_leader_epoch: return "fenced_leader_epoch";
    case ErrorCode::unknown_leader_epoch: return "unknown_leader_epoch";
    case ErrorCode::unsupported_compression_type: return "unsupported_compression_type";
    case ErrorCode::member_id_required: return "member_id_required";
    case ErrorCode::group_max_size_reached: return "group_max_size_reached";
    case ErrorCode::fenced_instance_id: return "fenced_instance_id";
    case ErrorCode::group_subscribed_to_topic: return "group_subscribed_to_topic";
    case ErrorCode::invalid_record: return "invalid_record";
    case ErrorCode::mismatched_endpoint_type: return "mismatched_endpoint_type";
    case ErrorCode::io: return "io";
    case ErrorCode::no_space: return "no_space";
    case ErrorCode::corrupt_memory: return "corrupt_memory";
    case ErrorCode::version_mismatch: return "version_mismatch";
    case ErrorCode::broker_unavailable: return "broker_unavailable";
    case ErrorCode::already_running: return "already_running";
    case ErrorCode::permission_denied: return "permission_denied";
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::exclusive_taken: return "exclusive_taken";
    case ErrorCode::closed: return "closed";
    case ErrorCode::invalid_state: return "invalid_state";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::read_only: return "read_only";
  }
  // clang-format on
  return "unregistered_code";  // a number from a peer of a later version
}

}  // namespace ringmain
