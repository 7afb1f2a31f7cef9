// Parsing of option texts.
#include "cli/text.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/parse.hpp"
#include "cli/exit.hpp"

namespace ringmain::tools {
namespace {

[[noreturn]] void bad_escape(std::string_view option, std::string_view text) {
  throw UsageError(fmt::format("{} '{}': use \\n, \\t, \\r, \\0, \\xHH, and \\\\ for a backslash",
                               option, text));
}

char simple_escape(std::string_view option, std::string_view text, char letter) {
  switch (letter) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    case '\\':
      return '\\';
    default:
      bad_escape(option, text);
  }
}

}  // namespace

std::pair<std::string, std::string> parse_key_value(std::string_view option,
                                                    std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw UsageError(fmt::format("{} '{}': write it as KEY=VALUE", option, text));
  }
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

uint64_t parse_size_option(std::string_view option, std::string_view text) {
  const auto size_bytes = parse_size_bytes(text);
  if (!size_bytes) throw UsageError(fmt::format("{}: {}", option, size_bytes.error().message));
  return *size_bytes;
}

int64_t parse_duration_option(std::string_view option, std::string_view text) {
  const auto duration_ns = parse_duration_ns(text);
  if (!duration_ns) throw UsageError(fmt::format("{}: {}", option, duration_ns.error().message));
  return *duration_ns;
}

Config parse_configs(const std::vector<std::string>& pairs) {
  Config config;
  for (const std::string& pair : pairs) {
    auto [key, value] = parse_key_value("--config", pair);
    config[std::move(key)] = std::move(value);
  }
  return config;
}

std::string unescape(std::string_view option, std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      result += text[at];
      continue;
    }
    if (++at == text.size()) bad_escape(option, text);
    if (text[at] != 'x') {
      result += simple_escape(option, text, text[at]);
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || end != digits.data() + 2) bad_escape(option, text);
    result += static_cast<char>(byte);
    at += 2;
  }
  return result;
}

}  // namespace ringmain::tools
