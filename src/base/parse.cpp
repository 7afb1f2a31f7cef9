// Durations and sizes, from text and to text.
#include "base/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace ringmain {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 7> duration_units{{{"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"d", 86'400'000'000'000}}};

constexpr std::array<Unit, 5> size_units{{{"B", 1},
                                          {"KiB", uint64_t{1} << 10},
                                          {"MiB", uint64_t{1} << 20},
                                          {"GiB", uint64_t{1} << 30},
                                          {"TiB", uint64_t{1} << 40}}};

struct Quantity {
  uint64_t number;
  std::string_view unit;
};

// What `text` is meant to be, for its error: "a duration such as 5ms".
using Meaning = std::string_view;
constexpr Meaning a_duration = "a duration such as 250us, 5ms, 1s or 2m";
constexpr Meaning a_size = "a size such as 64, 4k, 1MiB or 2GiB";

tl::unexpected<Error> bad(std::string_view text, Meaning meaning, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not {}: {}", text, meaning, why));
}

Result<Quantity> split(std::string_view text, Meaning meaning) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::result_out_of_range) return bad(text, meaning, "the number is too large");
  if (error != std::errc{}) return bad(text, meaning, "it does not start with a whole number");
  std::string_view unit(rest, static_cast<size_t>(end - rest));
  if (unit.starts_with('.')) return bad(text, meaning, "use a whole number and a smaller unit");
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  return Quantity{number, unit};
}

Result<uint64_t> scale(std::string_view text, Meaning meaning, uint64_t number, uint64_t factor,
                       uint64_t max) {
  if (number > max / factor) return bad(text, meaning, "it is too large");
  return number * factor;
}

char lower(char c) {
  return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// "k", "kb" and "KiB" alike give 1024; 0 for anything else.
uint64_t size_factor(std::string_view unit) {
  if (unit.empty()) return 1;
  const char first = lower(unit.front());
  const Unit* found = std::find_if(size_units.begin(), size_units.end(),
                                   [&](const Unit& u) { return lower(u.name[0]) == first; });
  if (found == size_units.end()) return 0;
  std::string tail;
  for (const char c : unit.substr(1)) tail += lower(c);
  if (tail.empty()) return found->factor;
  const bool is_plain_bytes = found->factor == 1;
  return !is_plain_bytes && (tail == "b" || tail == "ib") ? found->factor : 0;
}

// At most one decimal, and none where it would be a zero.
std::string one_decimal(double value) {
  const double tenths = std::round(value * 10);
  if (std::fmod(tenths, 10) == 0) return fmt::format("{:.0f}", tenths / 10);
  return fmt::format("{:.1f}", tenths / 10);
}

// The largest unit that the amount fills. `units` ascend, the first one has factor 1.
const Unit& unit_for(uint64_t amount, std::span<const Unit> units) {
  size_t chosen = 0;
  for (size_t i = 1; i < units.size(); ++i) {
    if (amount >= units[i].factor) chosen = i;
  }
  return units[chosen];
}

}  // namespace

Result<int64_t> parse_duration_ns(std::string_view text) {
  RINGMAIN_TRY_ASSIGN(quantity, split(text, a_duration));
  const std::string_view unit = quantity.unit.empty() ? "ms" : quantity.unit;
  for (const Unit& known : duration_units) {
    if (known.name != unit) continue;
    RINGMAIN_TRY_ASSIGN(ns, scale(text, a_duration, quantity.number, known.factor, INT64_MAX));
    return static_cast<int64_t>(ns);
  }
  return bad(text, a_duration, fmt::format("\"{}\" is not one of ns, us, ms, s, m, h, d", unit));
}

Result<uint64_t> parse_size_bytes(std::string_view text) {
  RINGMAIN_TRY_ASSIGN(quantity, split(text, a_size));
  const uint64_t factor = size_factor(quantity.unit);
  if (factor == 0) {
    return bad(text, a_size,
               fmt::format("\"{}\" is not one of B, KiB, MiB, GiB, TiB", quantity.unit));
  }
  return scale(text, a_size, quantity.number, factor, UINT64_MAX);
}

std::string format_bytes(uint64_t bytes) {
  const Unit& unit = unit_for(bytes, size_units);
  const double amount = static_cast<double>(bytes) / static_cast<double>(unit.factor);
  return fmt::format("{} {}", one_decimal(amount), unit.name);
}

std::string format_duration_ns(int64_t duration_ns) {
  if (duration_ns == 0) return "0s";
  const bool negative = duration_ns < 0;
  const uint64_t magnitude =
      negative ? 0 - static_cast<uint64_t>(duration_ns) : static_cast<uint64_t>(duration_ns);
  const Unit& unit = unit_for(magnitude, duration_units);
  const double amount = static_cast<double>(magnitude) / static_cast<double>(unit.factor);
  return fmt::format("{}{}{}", negative ? "-" : "", one_decimal(amount), unit.name);
}

}  // namespace ringmain
