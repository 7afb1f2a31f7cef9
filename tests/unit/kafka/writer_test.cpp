// The writer's primitives, byte by byte, and what it refuses.
#include "kafka/writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kafka/reader.hpp"
#include "unit/kafka/hex.hpp"

namespace ringmain::kafka {
namespace {

template <class Write>
std::string written(Write write) {
  Writer writer;
  write(writer);
  return to_hex(std::move(writer).take().value());
}

TEST(Writer, writes_varints_in_groups_of_seven_bits) {
  EXPECT_EQ(written([](Writer& w) { w.uvarint(0); }), "00");
  EXPECT_EQ(written([](Writer& w) { w.uvarint(127); }), "7f");
  EXPECT_EQ(written([](Writer& w) { w.uvarint(128); }), "8001");
  EXPECT_EQ(written([](Writer& w) { w.uvarint(0xffffffffU); }), "ffffffff0f");
}

TEST(Writer, writes_signed_varints_as_zigzag) {
  EXPECT_EQ(written([](Writer& w) { w.varint(0); }), "00");
  EXPECT_EQ(written([](Writer& w) { w.varint(-1); }), "01");
  EXPECT_EQ(written([](Writer& w) { w.varint(1); }), "02");
  EXPECT_EQ(written([](Writer& w) { w.varint(std::numeric_limits<int32_t>::min()); }),
            "ffffffff0f");
  EXPECT_EQ(written([](Writer& w) { w.varlong(std::numeric_limits<int64_t>::min()); }),
            "ffffffffffffffffff01");
}

TEST(Writer, gives_back_the_varints_at_the_edges) {
  for (const int64_t value :
       {int64_t{0}, int64_t{-1}, int64_t{63}, int64_t{64}, int64_t{-64}, int64_t{-65},
        std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    Writer writer;
    writer.varlong(value);
    writer.varint(static_cast<int32_t>(value));
    Reader reader(writer.written());
    EXPECT_EQ(reader.varlong("value"), value);
    EXPECT_EQ(reader.varint("value"), static_cast<int32_t>(value));
    EXPECT_TRUE(reader.finish("value"));
  }
}

TEST(Writer, writes_both_encodings_of_strings_and_null) {
  EXPECT_EQ(written([](Writer& w) { w.string("ab", Encoding::classic); }), "00026162");
  EXPECT_EQ(written([](Writer& w) { w.string("ab", Encoding::compact); }), "036162");
  EXPECT_EQ(written([](Writer& w) { w.nullable_string({}, Encoding::classic, Null::allowed); }),
            "ffff");
  EXPECT_EQ(written([](Writer& w) { w.nullable_string({}, Encoding::compact, Null::allowed); }),
            "00");
  EXPECT_EQ(written([](Writer& w) { w.nullable_bytes({}, Encoding::classic, Null::allowed); }),
            "ffffffff");
}

TEST(Writer, writes_null_as_empty_where_the_version_has_no_null) {
  EXPECT_EQ(written([](Writer& w) { w.nullable_string({}, Encoding::classic, Null::refused); }),
            "0000");
  EXPECT_EQ(written([](Writer& w) { w.nullable_bytes({}, Encoding::classic, Null::refused); }),
            "00000000");
  EXPECT_EQ(written([](Writer& w) {
              w.nullable_array(std::optional<Bytes>{}, Encoding::classic, Null::refused,
                               [](std::byte) {});
            }),
            "00000000");
}

TEST(Writer, writes_tags_with_their_sizes) {
  EXPECT_EQ(written([](Writer& w) {
              TagSection tags;
              tags.add(0, [](Writer& tag) { tag.int16(7); });
              tags.add(200, [](Writer& tag) { tag.string("a", Encoding::compact); });
              w.tags(tags);
            }),
            "02"
            "00020007"
            "c801020261");
}

TEST(Writer, puts_the_size_before_a_frame) {
  EXPECT_EQ(written([](Writer& w) {
              const size_t frame = w.begin_frame();
              w.int16(1);
              w.end_frame(frame);
            }),
            "00000002"
            "0001");
}

TEST(Writer, refuses_a_string_that_the_classic_length_cannot_tell) {
  Writer writer;
  writer.string(std::string(32768, 'x'), Encoding::classic);
  EXPECT_EQ(std::move(writer).take().error().code, ErrorCode::message_too_large);
}

TEST(Writer, keeps_the_error_of_a_tagged_value) {
  Writer writer;
  TagSection tags;
  tags.add(0, [](Writer& tag) { tag.string(std::string(32768, 'x'), Encoding::classic); });
  writer.tags(tags);
  EXPECT_FALSE(writer.status());
}

}  // namespace
}  // namespace ringmain::kafka
