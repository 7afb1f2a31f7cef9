// Every way to compute CRC32C gives the same, standard result.
#include "base/crc32c.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "base/random.hpp"

namespace ringmain {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::vector<std::byte> random_bytes(Random& random, size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(Crc32cTest, matches_the_published_check_values) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c(bytes_of("")), 0u);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32)), 0x8a9136aau);                   // RFC 3720
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43u);  // RFC 3720
}

TEST(Crc32cTest, every_path_agrees_at_random_sizes_and_alignments) {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<std::byte> buffer = random_bytes(random, 8 + random.below(1000));
    const auto bytes = std::span(buffer).subspan(random.below(8));
    const auto seed = static_cast<uint32_t>(random());
    const uint32_t expected = crc32c_path::portable(bytes, seed);
    ASSERT_EQ(crc32c(bytes, seed), expected) << bytes.size();
    ASSERT_EQ(crc32c_path::isal(bytes, seed), expected) << bytes.size();
    if (crc32c_path::has_sse42()) {
      ASSERT_EQ(crc32c_path::sse42(bytes, seed), expected) << bytes.size();
    }
  }
}

TEST(Crc32cTest, chains_over_parts_cut_anywhere) {
  Random random(2);
  const std::vector<std::byte> buffer = random_bytes(random, 700);
  const std::span<const std::byte> bytes(buffer);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    ASSERT_EQ(crc32c(bytes.subspan(cut), crc32c(bytes.first(cut))), crc32c(bytes)) << cut;
  }
}

TEST(Crc32cTest, notices_a_flipped_bit) {
  Random random(3);
  std::vector<std::byte> bytes = random_bytes(random, 4096);
  const uint32_t before = crc32c(bytes);
  bytes[random.below(bytes.size())] ^= std::byte{0x10};
  EXPECT_NE(crc32c(bytes), before);
}

}  // namespace
}  // namespace ringmain
