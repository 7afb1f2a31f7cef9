// Parsing of places in a log: --from, --before.
#include "cli/start_position.hpp"

#include <fmt/format.h>

#include <charconv>

#include "cli/exit.hpp"
#include "cli/instant.hpp"

namespace ringmain::tools {

StartPosition parse_start_position(std::string_view text) {
  using Kind = StartPosition::Kind;
  if (text == "earliest") return {Kind::earliest, 0};
  if (text == "latest") return {Kind::latest, 0};
  if (text.starts_with('@')) {
    if (const auto ms = parse_instant_ms(text.substr(1))) return {Kind::instant, *ms};
    throw UsageError(
        fmt::format("'{}': after @ write milliseconds since 1970 or ISO 8601, "
                    "such as @2024-05-01T12:00:00Z",
                    text));
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number == INT64_MIN) {
    throw UsageError(
        fmt::format("'{}' is no place in a log: use earliest, latest, an offset, -N for the last N records of "
                    "each partition, or @TIMESTAMP",
                    text));
  }
  if (text.starts_with('-')) return {Kind::last, -number};
  return {Kind::offset, number};
}

}  // namespace ringmain::tools
