// Points in time as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringmain::tools {

// Milliseconds since 1970 ("1714560000000"), or ISO 8601: "2024-05-01", "2024-05-01T12:30",
// "2024-05-01T12:30:15.250+02:00". Without a zone it is UTC. nullopt: neither.
std::optional<int64_t> parse_instant_ms(std::string_view text);

// "2024-05-01T12:30:15.250000000Z".
std::string format_instant_ns(int64_t real_ns);

}  // namespace ringmain::tools
