// A setting as the protocol tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "gateway/topic_service.hpp"

namespace ringmain::gateway {

// Null where it is a secret.
inline std::optional<std::string> told_value(const ConfigEntry& entry) {
  return entry.sensitive ? std::nullopt : std::optional(entry.value);
}

inline int8_t config_source(const ConfigEntry& entry) {
  return static_cast<int8_t>(entry.source);
}

}  // namespace ringmain::gateway
