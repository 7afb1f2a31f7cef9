// Durations and sizes as people write them.
#include "base/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringmain {
namespace {

using testing::HasSubstr;

TEST(ParseDurationTest, knows_every_unit) {
  EXPECT_EQ(parse_duration_ns("7ns").value(), 7);
  EXPECT_EQ(parse_duration_ns("10us").value(), 10'000);
  EXPECT_EQ(parse_duration_ns("5ms").value(), 5'000'000);
  EXPECT_EQ(parse_duration_ns("1s").value(), 1'000'000'000);
  EXPECT_EQ(parse_duration_ns("2m").value(), 120'000'000'000);
  EXPECT_EQ(parse_duration_ns("3h").value(), 10'800'000'000'000);
  EXPECT_EQ(parse_duration_ns("7d").value(), 604'800'000'000'000);
  EXPECT_EQ(parse_duration_ns("0").value(), 0);
}

TEST(ParseDurationTest, takes_a_bare_number_for_milliseconds) {
  EXPECT_EQ(parse_duration_ns("250").value(), 250'000'000);
}

TEST(ParseDurationTest, says_what_is_wrong) {
  const auto message = [](std::string_view text) {
    const auto result = parse_duration_ns(text);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    return result.error().message;
  };
  EXPECT_EQ(message("5x"),
            "\"5x\" is not a duration such as 250us, 5ms, 1s or 2m: "
            "\"x\" is not one of ns, us, ms, s, m, h, d");
  EXPECT_THAT(message(""), HasSubstr("does not start with a whole number"));
  EXPECT_THAT(message("-1s"), HasSubstr("does not start with a whole number"));
  EXPECT_THAT(message("ms"), HasSubstr("does not start with a whole number"));
  EXPECT_THAT(message("1.5s"), HasSubstr("use a whole number and a smaller unit"));
  EXPECT_THAT(message("99999999999999999999s"), HasSubstr("the number is too large"));
  EXPECT_THAT(message("999999999d"), HasSubstr("it is too large"));
}

TEST(ParseSizeTest, knows_every_unit_in_any_case_as_a_power_of_1024) {
  EXPECT_EQ(parse_size_bytes("64").value(), 64u);
  EXPECT_EQ(parse_size_bytes("64B").value(), 64u);
  EXPECT_EQ(parse_size_bytes("4k").value(), 4096u);
  EXPECT_EQ(parse_size_bytes("4KB").value(), 4096u);
  EXPECT_EQ(parse_size_bytes("1MiB").value(), 1u << 20);
  EXPECT_EQ(parse_size_bytes("1 mib").value(), 1u << 20);
  EXPECT_EQ(parse_size_bytes("2G").value(), uint64_t{2} << 30);
  EXPECT_EQ(parse_size_bytes("1t").value(), uint64_t{1} << 40);
}

TEST(ParseSizeTest, says_what_is_wrong) {
  const auto message = [](std::string_view text) {
    const auto result = parse_size_bytes(text);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    return result.error().message;
  };
  EXPECT_EQ(message("4q"),
            "\"4q\" is not a size such as 64, 4k, 1MiB or 2GiB: "
            "\"q\" is not one of B, KiB, MiB, GiB, TiB");
  EXPECT_THAT(message("4kx"), HasSubstr("is not one of"));
  EXPECT_THAT(message("4bb"), HasSubstr("is not one of"));
  EXPECT_THAT(message("k"), HasSubstr("does not start with a whole number"));
  EXPECT_THAT(message("99999999t"), HasSubstr("it is too large"));
}

TEST(FormatTest, bytes_read_well) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(4096), "4 KiB");
  EXPECT_EQ(format_bytes(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(format_bytes(uint64_t{3} << 40), "3 TiB");
}

TEST(FormatTest, durations_read_well) {
  EXPECT_EQ(format_duration_ns(0), "0s");
  EXPECT_EQ(format_duration_ns(166), "166ns");
  EXPECT_EQ(format_duration_ns(35'210), "35.2us");
  EXPECT_EQ(format_duration_ns(5'000'000), "5ms");
  EXPECT_EQ(format_duration_ns(120'000'000'000), "2m");
  EXPECT_EQ(format_duration_ns(-1'500'000'000), "-1.5s");
  EXPECT_EQ(format_duration_ns(INT64_MIN), "-106752d");
}

TEST(FormatTest, whole_amounts_parse_back) {
  for (const char* text : {"7ns", "10us", "5ms", "1s", "2m", "3h", "7d"}) {
    EXPECT_EQ(format_duration_ns(parse_duration_ns(text).value()), text);
  }
  for (const char* text : {"64 B", "4 KiB", "1 MiB", "2 GiB"}) {
    EXPECT_EQ(format_bytes(parse_size_bytes(text).value()), text);
  }
}

}  // namespace
}  // namespace ringmain
