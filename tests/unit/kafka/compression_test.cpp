// What every codec promises, and what hostile bytes get.
#include "kafka/compression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <snappy-c.h>

#include <string>

#include "base/random.hpp"

namespace ringmain::kafka {
namespace {

constexpr size_t plenty = 64 << 20;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Words in random order: it compresses, but not to nothing.
Bytes prose(size_t size, uint64_t seed) {
  Random random(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random.below(1000)) + " ";
  text.resize(size);
  return bytes_of(text);
}

class EveryCodec : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(Compression, EveryCodec,
                         testing::Values(Compression::none, Compression::gzip, Compression::snappy,
                                         Compression::lz4, Compression::zstd),
                         [](const auto& codec) { return compression_name(codec.param); });

TEST_P(EveryCodec, gives_back_what_it_took) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{32} << 10,
                            (size_t{32} << 10) + 1, size_t{3} << 20}) {
    const Bytes content = prose(size, size);
    const auto packed = compress(GetParam(), content);
    ASSERT_TRUE(packed) << packed.error().message;
    const auto back = decompress(GetParam(), *packed, plenty);
    ASSERT_TRUE(back) << size << ": " << back.error().message;
    EXPECT_EQ(*back, content);
  }
}

TEST_P(EveryCodec, takes_content_up_to_the_limit_and_not_beyond) {
  for (const size_t size : {size_t{1000}, size_t{200'000}}) {
    const Bytes packed = compress(GetParam(), prose(size, 1)).value();
    const auto fits = decompress(GetParam(), packed, size);
    EXPECT_TRUE(fits) << fits.error().message;
    const auto too_much = decompress(GetParam(), packed, size - 1);
    ASSERT_FALSE(too_much);
    EXPECT_EQ(too_much.error().code, ErrorCode::message_too_large);
  }
}

TEST_P(EveryCodec, refuses_a_bomb) {
  const Bytes packed = compress(GetParam(), Bytes(size_t{32} << 20)).value();
  const auto content = decompress(GetParam(), packed, 1 << 20);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::message_too_large);
}

TEST_P(EveryCodec, refuses_what_is_cut) {
  if (GetParam() == Compression::none) return;
  const Bytes packed = compress(GetParam(), prose(5000, 2)).value();
  for (size_t size = 1; size < packed.size(); size += 7) {
    const auto content = decompress(GetParam(), std::span(packed).first(size), plenty);
    if (GetParam() == Compression::snappy && size == 16)
      continue;  // xerial's head alone: no blocks
    ASSERT_FALSE(content) << "cut to " << size << " of " << packed.size();
    EXPECT_EQ(content.error().code, ErrorCode::corrupt_message);
  }
}

TEST_P(EveryCodec, gives_content_or_an_error_for_damaged_bytes) {
  const Bytes content = prose(3000, 3);
  const Bytes packed = compress(GetParam(), content).value();
  Random random(4);
  size_t refused = 0;
  for (int i = 0; i < 2000; ++i) {
    Bytes damaged = packed;
    damaged[random.below(damaged.size())] ^= static_cast<std::byte>(1 + random.below(255));
    refused += decompress(GetParam(), damaged, 1 << 20).has_value() ? 0 : 1;
  }
  EXPECT_EQ(refused > 0, GetParam() != Compression::none);
}

TEST(Snappy, is_taken_raw_as_some_clients_send_it) {
  const Bytes content = prose(100'000, 5);
  size_t size = snappy_max_compressed_length(content.size());
  Bytes raw(size);
  ASSERT_EQ(snappy_compress(reinterpret_cast<const char*>(content.data()), content.size(),
                            reinterpret_cast<char*>(raw.data()), &size),
            SNAPPY_OK);
  raw.resize(size);
  EXPECT_EQ(decompress(Compression::snappy, raw, plenty).value(), content);
}

TEST(Snappy, takes_no_memory_on_the_word_of_a_length) {
  const Bytes lie{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0x1f},
                  std::byte{0}};  // 64 MiB in a byte
  const auto content = decompress(Compression::snappy, lie, plenty);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::corrupt_message);
}

TEST(Gzip, takes_several_members) {
  Bytes two = compress(Compression::gzip, bytes_of("first, ")).value();
  const Bytes second = compress(Compression::gzip, bytes_of("second")).value();
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(decompress(Compression::gzip, two, plenty).value(), bytes_of("first, second"));
}

TEST(Compression, refuses_a_codec_that_nobody_knows) {
  const auto content = decompress(static_cast<Compression>(5), {}, plenty);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::unsupported_compression_type);
  EXPECT_EQ(compress(static_cast<Compression>(7), {}).error().code,
            ErrorCode::unsupported_compression_type);
}

}  // namespace
}  // namespace ringmain::kafka
