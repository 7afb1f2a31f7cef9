// The rule, one violation a message.
#include "gateway/topic_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/printable.hpp"

namespace ringmain::gateway {
namespace {

bool is_legal(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

Status check_topic_name(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::invalid_topic, "a topic's name cannot be empty");
  if (name == "." || name == "..") {
    return fail(ErrorCode::invalid_topic, fmt::format("a topic's name cannot be '{}'", name));
  }
  if (name.size() > topic_name_max_bytes) {
    return fail(ErrorCode::invalid_topic,
                fmt::format("the topic name '{}' has {} characters; the most is {}",
                            printable(name), name.size(), topic_name_max_bytes));
  }
  if (!std::ranges::all_of(name, is_legal)) {
    return fail(ErrorCode::invalid_topic,
                fmt::format("the topic name '{}' has a character other than letters, digits, '.', "
                            "'_' and '-'",
                            printable(name)));
  }
  return {};
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state";
}

Status check_client_may_write(std::string_view name) {
  if (!is_internal_topic(name)) return {};
  return fail(ErrorCode::invalid_topic, fmt::format("the topic {} is written by the broker alone", name));
}

}  // namespace ringmain::gateway
