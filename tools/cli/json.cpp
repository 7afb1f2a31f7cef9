// JSON objects to standard output.
#include "cli/json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cli/output.hpp"

namespace ringmain::tools {
namespace {

struct Utf8Form {
  size_t size = 0;          // bytes of the sequence; 0: no character begins like this
  uint32_t first_bits = 0;  // of the code point
  uint32_t least = 0;       // a smaller code point has a shorter form, so this one is not valid
};

Utf8Form form_of(uint8_t lead) noexcept {
  if ((lead & 0xe0) == 0xc0) return {2, lead & 0x1fu, 0x80};
  if ((lead & 0xf0) == 0xe0) return {3, lead & 0x0fu, 0x800};
  if ((lead & 0xf8) == 0xf0) return {4, lead & 0x07u, 0x10000};
  return {};
}

bool is_code_point(uint32_t code_point) noexcept {
  const bool is_surrogate = 0xd800 <= code_point && code_point < 0xe000;
  return code_point <= 0x10ffff && !is_surrogate;
}

}  // namespace

void print_json(const json::value& value) {
  standard_output().write_line(json::serialize(value));
}

void set_bytes(json::object& object, std::string_view name, const std::optional<Bytes>& bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (is_utf8(*bytes)) {
    object[name] = *bytes;
  } else {
    object[std::string(name) + "_base64"] = to_base64(*bytes);
  }
}

json::value number(double value) {
  constexpr double exact_up_to = 9007199254740992.0;  // 2^53
  const bool is_whole = std::floor(value) == value && std::abs(value) < exact_up_to;
  return is_whole ? json::value(static_cast<int64_t>(value)) : json::value(value);
}

bool is_utf8(std::string_view bytes) noexcept {
  for (size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<uint8_t>(bytes[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const Utf8Form form = form_of(lead);
    if (form.size == 0 || form.size > bytes.size() - at) return false;
    uint32_t code_point = form.first_bits;
    for (size_t i = 1; i < form.size; ++i) {
      const auto next = static_cast<uint8_t>(bytes[at + i]);
      if ((next & 0xc0) != 0x80) return false;
      code_point = code_point << 6 | (next & 0x3fu);
    }
    if (code_point < form.least || !is_code_point(code_point)) return false;
    at += form.size;
  }
  return true;
}

std::string to_base64(std::string_view bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    uint32_t group = 0;
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0u);
    }
    for (size_t i = 0; i < 4; ++i) {
      text += i <= count ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

}  // namespace ringmain::tools
