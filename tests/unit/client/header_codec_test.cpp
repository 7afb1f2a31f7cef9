// Record headers, encoded and decoded; what is no headers is refused.
#include "client/header_codec.hpp"

#include <gtest/gtest.h>

#include "bus_fixture.hpp"

namespace ringmain::client {
namespace {

using namespace std::string_literals;

TEST(HeaderCodec, gives_back_names_values_nulls_and_empties) {
  const std::string bytes = "\0\xff"s;
  const std::vector<Header> headers = {{"a", "1"}, {"a", "2"}, {"", ""}, {"null", std::nullopt}, {"bytes", bytes}};
  const std::string encoded = encode_headers(headers);  // what is decoded looks into it
  EXPECT_EQ(decode_headers(encoded), headers);
}

TEST(HeaderCodec, no_headers_take_no_bytes) {
  EXPECT_EQ(encode_headers({}), "");
  EXPECT_EQ(decode_headers("")->size(), 0u);
}

TEST(HeaderCodec, takes_the_most_headers_and_the_longest_name) {
  const std::string longest(0xffff, 'n');
  const std::vector<Header> headers(0xffff, Header{"n", std::nullopt});
  const std::string encoded = encode_headers(headers);
  EXPECT_EQ(decode_headers(encoded)->size(), 0xffffu);
  const std::vector<Header> one = {{longest, "v"}};
  const std::string encoded_one = encode_headers(one);
  EXPECT_EQ(decode_headers(encoded_one), one);
}

TEST(HeaderCodec, refuses_one_header_and_one_byte_of_a_name_more) {
  test::expect_error([] { encode_headers(std::vector<Header>(0x10000)); }, ErrorCode::invalid_record, {"65535"});
  const std::string too_long(0x10000, 'n');
  test::expect_error([&] { encode_headers(std::vector<Header>{{too_long, std::nullopt}}); }, ErrorCode::invalid_record, {"65535"});
}

TEST(HeaderCodec, refuses_every_cut_and_every_extra_byte) {
  const std::vector<Header> headers = {{"name", "value"}, {"x", std::nullopt}};
  const std::string encoded = encode_headers(headers);
  for (std::size_t bytes = 1; bytes < encoded.size(); ++bytes)
    EXPECT_FALSE(decode_headers(std::string_view(encoded).substr(0, bytes))) << bytes;
  EXPECT_FALSE(decode_headers(encoded + "x"));
}

TEST(HeaderCodec, refuses_a_value_shorter_than_null) {
  EXPECT_FALSE(decode_headers("\1\0\0\0\xfe\xff\xff\xff"s));
  EXPECT_FALSE(decode_headers("\1\0\0\0\xff\xff\xff\x7f"s));
}

TEST(HeaderCodec, a_record_with_malformed_headers_says_which_one) {
  ConsumerRecord record;
  record.topic = "orders";
  record.partition = 3;
  record.offset = 17;
  record.raw_headers = "\1";
  test::expect_error([&] { static_cast<void>(record.headers()); }, ErrorCode::corrupt_memory, {"orders-3", "17"});
}

}  // namespace
}  // namespace ringmain::client
