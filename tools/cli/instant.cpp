// ISO 8601, read and written.
#include "cli/instant.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace ringmain::tools {
namespace {

// Reads a text from its front; every step says whether it could.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `count` digits.
  bool digits(size_t count, int& value) {
    if (rest_.size() < count) return false;
    value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  // One digit or more of a fraction; what is below a millisecond is dropped.
  bool fraction_ms(int& value) {
    size_t count = 0;
    value = 0;
    for (int digit = 0; digits(1, digit); ++count) {
      if (count < 3) value = value * 10 + digit;
    }
    for (size_t i = count; i < 3; ++i) value *= 10;
    return count > 0;
  }

 private:
  std::string_view rest_;
};

bool date(Cursor& cursor, int64_t& ms) {
  int year = 0, month = 0, day = 0;
  if (!cursor.digits(4, year) || !cursor.take('-') || !cursor.digits(2, month) ||
      !cursor.take('-') || !cursor.digits(2, day)) {
    return false;
  }
  const std::chrono::year_month_day ymd{std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) return false;
  ms = std::chrono::duration_cast<std::chrono::milliseconds>(
           std::chrono::sys_days(ymd).time_since_epoch())
           .count();
  return true;
}

bool time_of_day(Cursor& cursor, int64_t& ms) {
  int hour = 0, minute = 0, second = 0, fraction_ms = 0;
  if (!cursor.digits(2, hour) || !cursor.take(':') || !cursor.digits(2, minute)) return false;
  if (cursor.take(':') && !cursor.digits(2, second)) return false;
  if (cursor.take('.') && !cursor.fraction_ms(fraction_ms)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;  // 60: a leap second
  ms += (hour * int64_t{3600} + minute * int64_t{60} + second) * 1000 + fraction_ms;
  return true;
}

// Z, +02:00, -0330 or nothing.
bool zone(Cursor& cursor, int64_t& ms) {
  if (cursor.at_end() || cursor.take('Z')) return true;
  const bool is_east = cursor.take('+');
  if (!is_east && !cursor.take('-')) return false;
  int hours = 0, minutes = 0;
  if (!cursor.digits(2, hours)) return false;
  const bool has_colon = cursor.take(':');
  if ((has_colon || !cursor.at_end()) && !cursor.digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  const int64_t offset_ms = (hours * int64_t{60} + minutes) * 60'000;
  ms += is_east ? -offset_ms : offset_ms;
  return true;
}

std::optional<int64_t> parse_iso_ms(std::string_view text) {
  Cursor cursor(text);
  int64_t ms = 0;
  if (!date(cursor, ms)) return std::nullopt;
  if (cursor.take('T') || cursor.take(' ')) {
    if (!time_of_day(cursor, ms) || !zone(cursor, ms)) return std::nullopt;
  }
  if (!cursor.at_end()) return std::nullopt;
  return ms;
}

}  // namespace

std::optional<int64_t> parse_instant_ms(std::string_view text) {
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc{} && end == text.data() + text.size() && ms >= 0) return ms;
  return parse_iso_ms(text);
}

std::string format_instant_ns(int64_t real_ns) {
  using namespace std::chrono;
  const sys_time<nanoseconds> instant{nanoseconds(real_ns)};
  const auto midnight = floor<days>(instant);
  const year_month_day date(midnight);
  const hh_mm_ss time(instant - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace ringmain::tools
