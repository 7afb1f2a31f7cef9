// JSON output: one object a line. Bytes that are not text go as base64.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "ringmain/bytes.hpp"

namespace ringmain::tools {

namespace json = boost::json;

// One line on standard output.
void print_json(const json::value& value);

// Sets object[name] to the bytes as text, or object[name_base64] if they are not UTF-8; null if
// there are none.
void set_bytes(json::object& object, std::string_view name, const std::optional<Bytes>& bytes);

// A whole number as one: Boost.JSON writes every double with an exponent.
json::value number(double value);

bool is_utf8(std::string_view bytes) noexcept;
std::string to_base64(std::string_view bytes);

}  // namespace ringmain::tools
