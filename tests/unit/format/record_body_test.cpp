// The body of a record, written and read; sizes that contradict each other are refused.
#include "format/record_body.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringmain::format {
namespace {

using namespace std::string_literals;

std::string written(const RecordParts& parts) {
  std::string body(parts.body_bytes(), '?');
  write_body(reinterpret_cast<std::byte*>(body.data()), parts);
  return body;
}
std::optional<RecordParts> read(const std::string& body, std::uint8_t flags) {
  return read_body(reinterpret_cast<const std::byte*>(body.data()), static_cast<std::uint32_t>(body.size()), flags);
}
void expect_same(const RecordParts& parts) {
  const std::string body = written(parts);
  const auto again = read(body, parts.flags());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key, parts.key);
  EXPECT_EQ(again->value, parts.value);
  EXPECT_EQ(again->headers, parts.headers);
}

TEST(RecordBody, comes_back_with_and_without_each_part) {
  using Part = std::optional<std::string_view>;
  for (const Part key : {Part{}, Part{""}, Part{"key"}})
    for (const Part value : {Part{}, Part{""}, Part{"value"}})
      for (const std::string_view headers : {"", "headers"}) expect_same({key, value, headers});
}

TEST(RecordBody, of_a_value_alone_is_the_value) { EXPECT_EQ(written({std::nullopt, "value", {}}), "value"); }

TEST(RecordBody, is_refused_without_room_for_its_trailer) {
  for (std::size_t bytes = 0; bytes < kTrailerBytes; ++bytes) EXPECT_FALSE(read(std::string(bytes, '\0'), kFlagKey));
}

TEST(RecordBody, is_refused_if_its_parts_are_larger_than_it_is) {
  EXPECT_FALSE(read("kk\3\0\0\0\0\0\0\0"s, kFlagKey));
  EXPECT_FALSE(read("kk\1\0\0\0\2\0\0\0"s, kFlagKey | kFlagHeaders));
  EXPECT_FALSE(read("kk\xff\xff\xff\xff\0\0\0\0"s, kFlagKey));
  EXPECT_FALSE(read("kk\xff\xff\xff\xff\xff\xff\xff\xff"s, kFlagKey | kFlagHeaders)) << "the sum must not wrap";
  EXPECT_FALSE(read("kk\xfd\xff\xff\xff\5\0\0\0"s, kFlagKey | kFlagHeaders));
}

TEST(RecordBody, is_refused_if_it_has_parts_that_its_flags_deny) {
  EXPECT_FALSE(read("k\1\0\0\0\0\0\0\0"s, kFlagHeaders));
  EXPECT_FALSE(read("h\0\0\0\0\1\0\0\0"s, kFlagKey));
  EXPECT_FALSE(read("v", kFlagNullValue));
  EXPECT_FALSE(read("v\0\0\0\0\0\0\0\0"s, kFlagNullValue | kFlagKey));
}

}  // namespace
}  // namespace ringmain::format
