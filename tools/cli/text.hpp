// Text of options: key=value pairs, and escapes as kcat and the shell's printf know them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ringmain/bus.hpp"

namespace ringmain::tools {

// "k=v" at the first '='; the value may be empty, the key may not. Throws UsageError.
std::pair<std::string, std::string> parse_key_value(std::string_view option, std::string_view text);

// "64", "4k", "1MiB" and "500ms", "1s", as base/parse.hpp reads them. Throw UsageError.
uint64_t parse_size_option(std::string_view option, std::string_view text);
int64_t parse_duration_option(std::string_view option, std::string_view text);

// Repeated --config k=v; the last one of a key holds.
Config parse_configs(const std::vector<std::string>& pairs);

// \n \t \r \0 \\ and \xHH become their bytes. Throws UsageError for any other escape.
std::string unescape(std::string_view option, std::string_view text);

}  // namespace ringmain::tools
