// Durations and sizes as people write them, in both directions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ringmain {

// A whole number and one of ns, us, ms, s, m, h, d; a bare number is milliseconds, as in
// Kafka's settings. "5ms", "10us", "2m", "250".
Result<int64_t> parse_duration_ns(std::string_view text);

// A whole number and, in any case, k, m, g or t with an optional B or iB. All are powers
// of 1024: memory comes in these. "64", "4k", "1MiB", "2GB".
Result<uint64_t> parse_size_bytes(std::string_view text);

// To read, with at most one decimal: "1.5 MiB", "64 B"; "35.2us", "5ms", "2m".
std::string format_bytes(uint64_t bytes);
std::string format_duration_ns(int64_t duration_ns);

}  // namespace ringmain
