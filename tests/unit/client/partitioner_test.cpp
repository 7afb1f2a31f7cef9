// Kafka's hashes by their known values, and what each partitioner does with keys and without.
#include "ringmain/partitioner.hpp"

#include <gtest/gtest.h>

#include <set>

#include "bus_fixture.hpp"

namespace ringmain {
namespace {

TEST(Partitioners, murmur2_hashes_as_kafkas_java_client_does) {
  // From the tests of Kafka's own Utils.murmur2, signed as Java has them.
  const std::pair<const char*, std::int32_t> known[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : known) EXPECT_EQ(static_cast<std::int32_t>(murmur2(key)), hash) << key;
}

TEST(Partitioners, crc32_hashes_as_zlib_does) {
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("a"), 0xe8b7be43u);
  EXPECT_EQ(crc32("abc"), 0x352441c2u);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
}

TEST(Partitioners, murmur2_sends_equal_keys_where_java_sends_them) {
  const auto partitioner = make_partitioner("murmur2");
  // Java: toPositive(hash) % partitions.
  EXPECT_EQ(partitioner->partition("t", "21", 7), (-973932308 & 0x7fffffff) % 7);
  EXPECT_EQ(partitioner->partition("t", "abc", 1000), 479470107 % 1000);
  EXPECT_EQ(partitioner->partition("t", "", 1000), static_cast<std::int32_t>((murmur2("") & 0x7fffffff) % 1000));
}

TEST(Partitioners, crc32_sends_keys_where_librdkafka_sends_them) {
  const auto partitioner = make_partitioner("crc32");
  EXPECT_EQ(partitioner->partition("t", "123456789", 1000), static_cast<std::int32_t>(0xcbf43926u % 1000));
}

TEST(Partitioners, crc32_spreads_empty_keys_as_librdkafka_does) {
  const auto partitioner = make_partitioner("crc32");
  std::set<std::int32_t> seen;
  test::wait_until([&] { return seen.insert(partitioner->partition("t", "", 3)), seen.size() == 3; });
}

TEST(Partitioners, round_robin_takes_each_in_turn_whatever_the_key) {
  const auto partitioner = make_partitioner("round-robin");
  for (const std::int32_t expected : {0, 1, 2, 0, 1, 2}) EXPECT_EQ(partitioner->partition("t", "key", 3), expected);
}

TEST(Partitioners, random_reaches_every_partition_and_no_other) {
  const auto partitioner = make_partitioner("random");
  std::set<std::int32_t> seen;
  test::wait_until([&] {
    const std::int32_t chosen = partitioner->partition("t", "key", 5);
    EXPECT_GE(chosen, 0);
    EXPECT_LT(chosen, 5);
    seen.insert(chosen);
    return seen.size() == 5;
  });
}

TEST(Partitioners, sticky_stays_for_a_while_and_then_moves) {
  const auto partitioner = make_partitioner("sticky");
  const std::int32_t first = partitioner->partition("t", std::nullopt, 50);
  EXPECT_EQ(partitioner->partition("t", std::nullopt, 50), first);
  test::wait_until([&] { return partitioner->partition("t", std::nullopt, 50) != first; });
}

TEST(Partitioners, sticky_leaves_a_partition_that_a_topic_does_not_have) {
  const auto partitioner = make_partitioner("sticky");
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(partitioner->partition(i % 2 == 0 ? "many" : "one", std::nullopt, i % 2 == 0 ? 50 : 1) < (i % 2 == 0 ? 50 : 1), true);
}

TEST(Partitioners, an_unknown_name_is_an_error_that_names_the_known_ones) {
  test::expect_error([] { make_partitioner("murmur3"); }, ErrorCode::invalid_config, {"murmur3", "murmur2", "sticky"});
}

}  // namespace
}  // namespace ringmain
