// The table of APIs, looked up by key, and error codes as they go over the wire.
#pragma once

#include <cstdint>
#include <span>

#include "ringmain/error.hpp"

namespace ringmain::kafka {

// Ringmain's own APIs start here; they are spoken over the Unix socket only.
inline constexpr int16_t kFirstPrivateKey = 20000;

// What the codecs can do. What a broker advertises may be less.
struct Api {
  int16_t key;
  const char* name;
  int16_t min_version;
  int16_t max_version;
  int16_t flexible_from;  // 32767: never
};

// All of them, by ascending key.
std::span<const Api> all_apis();

// nullptr for an API without a codec.
const Api* find_api(int16_t key);

constexpr bool is_private(int16_t key) {
  return key >= kFirstPrivateKey;
}

// The code as the answer to this API carries it. Kafka's own codes pass. Ringmain's go
// unchanged in a private API; elsewhere they become the closest code that a Kafka client
// knows, and the error message keeps the reason.
int16_t wire_error(int16_t api_key, ErrorCode code);

// The code of an answer. Numbers that neither side names are kept.
constexpr ErrorCode error_from_wire(int16_t wire_code) {
  return static_cast<ErrorCode>(wire_code);
}

}  // namespace ringmain::kafka
