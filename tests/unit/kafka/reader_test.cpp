// The reader against bytes that lie: lengths, varints, nulls, tags.
#include "kafka/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kafka/writer.hpp"
#include "unit/kafka/hex.hpp"

namespace ringmain::kafka {
namespace {

using testing::HasSubstr;

constexpr Field kField = "Some.request.field";

// Reads from hex, and keeps the error that the reader ends with.
template <class Read>
std::string error_of(std::string_view hex, Read read) {
  const Bytes bytes = from_hex(hex);
  Reader reader(bytes);
  read(reader);
  const Status status = reader.status();
  return status ? "" : status.error().message;
}

std::string array_error(std::string_view hex, Encoding encoding, size_t min_item_bytes = 1) {
  return error_of(hex, [&](Reader& reader) {
    const auto items =
        reader.array<int8_t>(kField, encoding, min_item_bytes, [&] { return reader.int8(kField); });
    EXPECT_EQ(items.capacity(), 0U) << "memory was taken for a count that lies";
  });
}

std::string string_error(std::string_view hex, Encoding encoding) {
  return error_of(hex, [&](Reader& reader) { EXPECT_EQ(reader.string(kField, encoding), ""); });
}

std::string tags_error(std::string_view hex) {
  return error_of(hex, [](Reader& reader) {
    reader.tags(kField, [&](uint32_t tag) {
      if (tag != 1) return false;
      reader.int16("Some.request.tagged");
      return true;
    });
  });
}

TEST(Reader, reads_numbers_big_endian) {
  const Bytes bytes = from_hex("01 fe fffe 7fffffff 8000000000000000 fffffffe");
  Reader reader(bytes);
  EXPECT_TRUE(reader.boolean(kField));
  EXPECT_EQ(reader.int8(kField), -2);
  EXPECT_EQ(reader.int16(kField), -2);
  EXPECT_EQ(reader.int32(kField), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(reader.int64(kField), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(reader.uint32(kField), 0xfffffffeU);
  EXPECT_TRUE(reader.finish(kField));
}

TEST(Reader, takes_any_byte_but_zero_as_true) {
  const Bytes bytes = from_hex("00 02 ff");
  Reader reader(bytes);
  EXPECT_FALSE(reader.boolean(kField));
  EXPECT_TRUE(reader.boolean(kField));
  EXPECT_TRUE(reader.boolean(kField));
}

TEST(Reader, names_field_and_byte_of_the_first_failure_only) {
  const Bytes bytes = from_hex("00 00 00 07 0a");
  Reader reader(bytes);
  EXPECT_EQ(reader.int32("Some.request.first"), 7);
  EXPECT_EQ(reader.int16("Some.request.second"), 0);
  EXPECT_EQ(reader.int8("Some.request.third"), 0) << "nothing is consumed after a failure";
  const Status status = reader.finish("Some.request");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "Some.request.second at byte 4: 2 bytes needed, 1 left");
  EXPECT_EQ(status.error().code, ErrorCode::invalid_request);
}

TEST(Reader, refuses_what_follows_the_end) {
  const Bytes bytes = from_hex("00 01 02");
  Reader reader(bytes);
  reader.int8(kField);
  EXPECT_THAT(reader.finish("Some.request").error().message, HasSubstr("2 bytes follow the end"));
}

TEST(Reader, refuses_a_count_above_the_bytes_that_remain) {
  EXPECT_THAT(array_error("7fffffff 00000000000000000000", Encoding::classic),
              HasSubstr("a length of 2147483647"));
  EXPECT_THAT(array_error("ffffffff0f 00000000000000000000", Encoding::compact),
              HasSubstr("a length of 4294967294"));
  EXPECT_THAT(array_error("00000003 0000", Encoding::classic), HasSubstr("with 2 bytes left"));
  EXPECT_THAT(array_error("00000003 0000000000", Encoding::classic, 2),
              HasSubstr("each at least 2 bytes"));
}

TEST(Reader, refuses_negative_counts) {
  EXPECT_THAT(array_error("fffffffe", Encoding::classic), HasSubstr("a length of -2"));
  EXPECT_THAT(array_error("80000000", Encoding::classic), HasSubstr("a length of -2147483648"));
  EXPECT_THAT(string_error("fffe", Encoding::classic), HasSubstr("a length of -2"));
  EXPECT_THAT(string_error("8000", Encoding::classic), HasSubstr("a length of -32768"));
}

TEST(Reader, refuses_null_where_the_version_has_none) {
  EXPECT_THAT(array_error("ffffffff", Encoding::classic), HasSubstr("null"));
  EXPECT_THAT(array_error("00", Encoding::compact), HasSubstr("null"));
  EXPECT_THAT(string_error("ffff", Encoding::classic), HasSubstr("null"));
  EXPECT_THAT(string_error("00", Encoding::compact), HasSubstr("null"));
}

TEST(Reader, tells_null_from_empty) {
  const Bytes bytes = from_hex("ffff 0000  00 01  ffffffff 00000000");
  Reader reader(bytes);
  EXPECT_EQ(reader.nullable_string(kField, Encoding::classic, Null::allowed), std::nullopt);
  EXPECT_EQ(reader.nullable_string(kField, Encoding::classic, Null::allowed), "");
  EXPECT_EQ(reader.nullable_bytes(kField, Encoding::compact, Null::allowed), std::nullopt);
  EXPECT_EQ(reader.nullable_bytes(kField, Encoding::compact, Null::allowed), Bytes{});
  EXPECT_EQ(reader.nullable_bytes(kField, Encoding::classic, Null::allowed), std::nullopt);
  EXPECT_EQ(reader.nullable_bytes(kField, Encoding::classic, Null::allowed), Bytes{});
  EXPECT_TRUE(reader.finish(kField));
}

TEST(Reader, refuses_strings_and_bytes_longer_than_what_is_left) {
  EXPECT_THAT(string_error("0003 6161", Encoding::classic), HasSubstr("with 2 bytes left"));
  EXPECT_THAT(string_error("04 6161", Encoding::compact), HasSubstr("with 2 bytes left"));
  EXPECT_THAT(error_of("7fffffff 00", [](Reader& r) { r.bytes(kField, Encoding::classic); }),
              HasSubstr("a length of 2147483647"));
}

TEST(Reader, keeps_varints_to_their_width) {
  const auto uvarint = [](Reader& reader) { reader.uvarint(kField); };
  EXPECT_EQ(error_of("ffffffff0f", uvarint), "");
  EXPECT_EQ(error_of("8000", uvarint), "") << "longer than needed, yet within five bytes";
  EXPECT_THAT(error_of("ffffffff1f", uvarint), HasSubstr("more than 32 bits"));
  EXPECT_THAT(error_of("808080808000", uvarint), HasSubstr("more than 32 bits"));
  EXPECT_THAT(error_of("ffff", uvarint), HasSubstr("1 bytes needed, 0 left"));

  const auto varlong = [](Reader& reader) { reader.varlong(kField); };
  EXPECT_EQ(error_of("ffffffffffffffffff01", varlong), "");
  EXPECT_THAT(error_of("ffffffffffffffffff02", varlong), HasSubstr("more than 64 bits"));
}

TEST(Reader, skips_tags_that_it_does_not_know) {
  EXPECT_EQ(tags_error("00"), "");
  EXPECT_EQ(tags_error("03  00 01 aa  01 02 0007  ff01 00"), "");
}

TEST(Reader, refuses_tag_sections_that_lie) {
  EXPECT_THAT(tags_error("05 0000"), HasSubstr("a length of 5"));
  EXPECT_THAT(tags_error("01 00 05 aa"), HasSubstr("a length of 5"));
  EXPECT_THAT(tags_error("01 01 03 000700"), HasSubstr("tag 1 has 1 bytes too many"));
  EXPECT_THAT(tags_error("01 01 01 00 00"), HasSubstr("2 bytes needed, 1 left"))
      << "a value ends with its tag";
  EXPECT_THAT(tags_error("02 02 00 01 00"), HasSubstr("tag 1 after tag 2"));
  EXPECT_THAT(tags_error("02 02 00 02 00"), HasSubstr("tag 2 after tag 2"));
}

}  // namespace
}  // namespace ringmain::kafka
