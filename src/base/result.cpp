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
    case ErrorCode::network_exception: return "network_exception";
    case ErrorCode::invalid_topic: return "invalid_topic";
    case ErrorCode::topic_authorization_failed: return "topic_authorization_failed";
    case ErrorCode::cluster_authorization_failed: return "cluster_authorization_failed";
    case ErrorCode::unsupported_version: return "unsupported_version";
    case ErrorCode::topic_already_exists: return "topic_already_exists";
    case ErrorCode::invalid_partitions: return "invalid_partitions";
    case ErrorCode::invalid_replication_factor: return "invalid_replication_factor";
    case ErrorCode::invalid_replica_assignment: return "invalid_replica_assignment";
    case ErrorCode::invalid_config: return "invalid_config";
    case ErrorCode::not_controller: return "not_controller";
    case ErrorCode::invalid_request: return "invalid_request";
    case ErrorCode::policy_violation: return "policy_violation";
    case ErrorCode::kafka_storage_error: return "kafka_storage_error";
    case ErrorCode::invalid_record: return "invalid_record";
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
