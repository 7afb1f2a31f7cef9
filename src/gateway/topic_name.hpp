// Which names a topic may have: Kafka's rule, because names become folders there and here.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.hpp"

namespace ringmain::gateway {

inline constexpr size_t topic_name_max_bytes = 249;  // "NAME-12345" still fits a file name

// ErrorCode::invalid_topic, saying what is wrong.
Status check_topic_name(std::string_view name);

// The topics that belong to the broker itself.
bool is_internal_topic(std::string_view name);
// ErrorCode::invalid_topic for those: clients may read them, and not write.
Status check_client_may_write(std::string_view name);

}  // namespace ringmain::gateway
