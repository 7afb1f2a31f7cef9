// Checks of option values whose errors a person can read.
#pragma once

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <charconv>
#include <cstdint>
#include <string>

namespace ringmain::tools {

// A whole number in [least, most]. CLI11's own ranges compare as double, and print it.
inline CLI::Validator whole_number(int64_t least, int64_t most = INT64_MAX) {
  const std::string range =
      most == INT64_MAX ? fmt::format("from {}", least) : fmt::format("from {} to {}", least, most);
  CLI::Validator check(
      [=](const std::string& text) -> std::string {
        int64_t number = 0;
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, number);
        const bool is_good =
            error == std::errc{} && rest == end && least <= number && number <= most;
        return is_good ? "" : fmt::format("'{}' is not a whole number {}", text, range);
      },
      "", "whole_number");
  return check;
}

// Whatever `parse` takes: its error, a Result's, is what is said.
template <class Parse>
CLI::Validator parsed_by(Parse parse) {
  return CLI::Validator(
      [parse](const std::string& text) -> std::string {
        const auto parsed = parse(text);
        return parsed ? "" : parsed.error().message;
      },
      "", "parsed_by");
}

// A variable of a script that nobody has set must not mean "as if it were not given".
inline CLI::Validator not_empty() {
  return CLI::Validator([](const std::string& text) -> std::string { return text.empty() ? "it is empty" : ""; }, "", "not_empty");
}

}  // namespace ringmain::tools
