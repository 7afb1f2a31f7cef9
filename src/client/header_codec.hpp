// Encoded record headers: docs/formats/frame.md, "Body of a record".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ringmain/record.hpp"

namespace ringmain::client {

// Throws Exception(invalid_record): too many headers, a name too long.
std::string encode_headers(std::span<const Header> headers);
// Views into `encoded`; nullopt if it is malformed.
std::optional<std::vector<Header>> decode_headers(std::string_view encoded);

}  // namespace ringmain::client
