// Lookup in the generated table, and the mapping of error codes.
#include "kafka/api.hpp"

#include <algorithm>

#include "kafka/generated/api_table.hpp"

namespace ringmain::kafka {
namespace {

constexpr int16_t kFirstOwnCode = 1000;  // error.hpp: codes below are Kafka's

ErrorCode closest_kafka_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::io:
    case ErrorCode::no_space:
    case ErrorCode::corrupt_memory:
      return ErrorCode::kafka_storage_error;
    case ErrorCode::permission_denied:
      return ErrorCode::topic_authorization_failed;
    case ErrorCode::invalid_argument:
      return ErrorCode::invalid_request;
    case ErrorCode::exclusive_taken:
      return ErrorCode::policy_violation;
    default:
      return ErrorCode::unknown;
  }
}

}  // namespace

std::span<const Api> all_apis() {
  return api_table;
}

const Api* find_api(int16_t key) {
  const auto found = std::ranges::lower_bound(api_table, key, {}, &Api::key);
  return found != api_table.end() && found->key == key ? &*found : nullptr;
}

int16_t wire_error(int16_t api_key, ErrorCode code) {
  const bool passes = is_private(api_key) || static_cast<int16_t>(code) < kFirstOwnCode;
  return static_cast<int16_t>(passes ? code : closest_kafka_code(code));
}

}  // namespace ringmain::kafka
