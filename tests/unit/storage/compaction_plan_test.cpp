// What compaction does when, and its map of keys.
#include "storage/compaction_plan.hpp"

#include <gmock/gmock.h>

#include "storage/key_map.hpp"

namespace ringmain::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNowMs = 1'790'000'000'000;

// Segments of 10 offsets.
struct Planning : testing::Test {
  CompactionSegment& add(bool cleaned, std::uint64_t bytes, std::int64_t age_ms = 0) {
    const std::uint64_t base = files.empty() ? 0 : files.back().segments.back().end_offset;
    const std::int64_t time_ns = (kNowMs - age_ms) * 1'000'000;
    files.push_back({base,
                     65536,
                     {{base, base + 10, bytes, time_ns, time_ns, kNowMs - age_ms, true, cleaned}}});
    return files.back().segments.back();
  }
  CompactionPlan plan() const { return plan_compaction(files, config, kNowMs); }

  std::vector<CompactionFile> files;
  CompactionConfig config;
};

TEST_F(Planning, an_empty_log_needs_nothing) {
  EXPECT_TRUE(plan().empty());
}

TEST_F(Planning, what_is_clean_needs_nothing_whatever_the_ratio) {
  add(true, 100);
  config.min_dirty_ratio = 0;
  EXPECT_TRUE(plan().empty());
}

TEST_F(Planning, waits_for_the_share_of_dirty_bytes) {
  add(true, 100);
  add(false, 99);
  EXPECT_THAT(plan().files, IsEmpty());
  files.back().segments[0].bytes = 100;
  const CompactionPlan due = plan();
  EXPECT_THAT(due.files, ElementsAre(0, 10));
  EXPECT_EQ(due.dirty_from, 10u);
  EXPECT_EQ(due.dirty_to, 20u);
}

TEST_F(Planning, what_is_younger_than_the_lag_waits_and_all_behind_it) {
  config.min_lag_ms = 1000;
  add(false, 100, 5000);
  add(false, 100, 999);
  add(false, 100, 5000);
  EXPECT_THAT(plan().files, ElementsAre(0));
  EXPECT_EQ(plan().dirty_to, 10u);
}

TEST_F(Planning, a_timestamp_from_the_future_does_not_hold_a_segment_back_for_ever) {
  config.min_lag_ms = 1000;
  add(false, 100, 5000).largest_ns = INT64_MAX;
  EXPECT_THAT(plan().files, ElementsAre(0));
}

TEST_F(Planning, what_is_older_than_the_longest_lag_does_not_wait_for_others) {
  add(true, 1000);
  add(false, 1, 60'000);
  EXPECT_THAT(plan().files, IsEmpty());
  config.max_lag_ms = 59'999;
  EXPECT_THAT(plan().files, ElementsAre(0, 10));
}

TEST_F(Planning, a_segment_that_is_not_complete_counts_for_nothing) {
  add(false, 100).complete = false;
  EXPECT_THAT(plan().files, IsEmpty());
  add(false, 100);
  EXPECT_THAT(plan().files, ElementsAre(0, 10));
  EXPECT_EQ(plan().dirty_from, 10u);
}

TEST(KeyMap, knows_the_newest_offset_of_each_key) {
  KeyMap map(1000, 1);
  for (std::uint64_t i = 0; i < 3000; ++i)
    ASSERT_TRUE(map.put(map.hash(std::to_string(i % 1000)), i));
  EXPECT_EQ(map.size(), 1000u);
  for (std::uint64_t i = 0; i < 1000; ++i)
    ASSERT_EQ(map.newest(map.hash(std::to_string(i))), 2000 + i);
  EXPECT_EQ(map.newest(map.hash("none")), std::nullopt);
}

TEST(KeyMap, refuses_a_new_key_when_it_is_full_and_takes_known_ones) {
  KeyMap map(2, 1);
  ASSERT_TRUE(map.put(map.hash(""), 0));
  ASSERT_TRUE(map.put(map.hash("b"), 1));
  EXPECT_FALSE(map.put(map.hash("c"), 2));
  EXPECT_EQ(map.newest(map.hash("c")), std::nullopt);
  EXPECT_TRUE(map.put(map.hash(""), 3));
  EXPECT_EQ(map.newest(map.hash("")), 3u);
}

TEST(KeyMap, keeps_to_its_memory) {
  EXPECT_EQ(KeyMap::keys_in(16 << 20), 524287u);
}

TEST(KeyMap, hashes_differ_by_seed) {
  EXPECT_NE(KeyMap(1, 1).hash("a"), KeyMap(1, 2).hash("a"));
}

}  // namespace
}  // namespace ringmain::storage
