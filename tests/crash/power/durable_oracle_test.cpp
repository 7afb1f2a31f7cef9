#include "durable_oracle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ringmain::crash {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t kLog = 3, kAnn = 7, kBob = 8;

// Ann's records 0 to 2 at 0, 2 and 3, Bob's first at 1; below 3 is durable.
DurableOracle four_records() {
  DurableOracle oracle;
  oracle.published(kLog, kAnn, 0, 0);
  oracle.published(kLog, kBob, 0, 1);
  oracle.published(kLog, kAnn, 1, 2);
  oracle.published(kLog, kAnn, 2, 3);
  oracle.durable(kLog, 3);
  return oracle;
}
void read(DurableOracle& oracle, std::vector<std::pair<std::uint64_t, Origin>> records,
          Voids voids = Voids::none) {
  oracle.begins(kLog, voids);
  for (const auto& [offset, origin] : records) oracle.reads(kLog, offset, origin);
  oracle.ends(kLog);
}
const std::pair<std::uint64_t, Origin> kFirst{0, {0, kAnn, 0}}, kSecond{1, {0, kBob, 0}},
    kThird{2, {0, kAnn, 1}}, kFourth{3, {0, kAnn, 2}};

TEST(durable_oracle, is_content_with_all_that_is_durable) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird});
  EXPECT_THAT(oracle.complaints(), IsEmpty());
  EXPECT_EQ(oracle.counts().told_durable, 3u);
  EXPECT_EQ(oracle.counts().lost, 1u);
}

TEST(durable_oracle, is_content_with_more_than_what_is_durable) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird, kFourth});
  EXPECT_THAT(oracle.complaints(), IsEmpty());
  EXPECT_EQ(oracle.counts().survived, 1u);
}

TEST(durable_oracle, misses_a_durable_record_at_the_end) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("at offset 2 was called durable")));
}

TEST(durable_oracle, misses_a_record_in_the_middle_also_where_voids_are_allowed) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kThird}, Voids::allowed);
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("is missing at offset 1")));
}

TEST(durable_oracle, misses_everything_that_is_published_when_memory_was_kept) {
  DurableOracle oracle = four_records();
  oracle.all_published_must_be_there();
  read(oracle, {kFirst, kSecond, kThird});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("at offset 3 was called durable")));
}

TEST(durable_oracle, notices_another_record_at_an_offset) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, {1, {0, kAnn, 1}}, {2, {0, kBob, 0}}});
  EXPECT_THAT(oracle.complaints(),
              testing::Contains(HasSubstr(
                  "offset 1 holds record 1 of producer 7, and not record 0 of producer 8")));
}

TEST(durable_oracle, notices_a_record_twice) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird, kThird});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("offset 2 comes after offset 2")));
}

TEST(durable_oracle, notices_a_gap_in_what_a_producer_sent) {
  DurableOracle oracle = four_records();
  oracle.sends(kLog, kAnn, 10);
  read(oracle, {kFirst, kSecond, kThird, kFourth, {4, {0, kAnn, 5}}});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("where its record 3 is due")));
}

TEST(durable_oracle, takes_a_record_whose_sender_was_not_told_of_it) {
  DurableOracle oracle = four_records();
  oracle.sends(kLog, kAnn, 4);
  read(oracle, {kFirst, kSecond, kThird, kFourth, {4, {0, kAnn, 3}}});
  EXPECT_THAT(oracle.complaints(), IsEmpty());
}

TEST(durable_oracle, notices_what_nobody_sent) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird, kFourth, {4, {0, kAnn, 3}}});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("which it never sent")));
}

TEST(durable_oracle, notices_a_lost_record_that_comes_back) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird});
  read(oracle, {kFirst, kSecond, kThird, kFourth});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("which it never sent")));
}

TEST(durable_oracle, holds_what_was_read_to_be_durable) {
  DurableOracle oracle = four_records();
  read(oracle, {kFirst, kSecond, kThird, kFourth});
  read(oracle, {kFirst, kSecond, kThird});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("at offset 3 was called durable")));
}

TEST(durable_oracle, allows_void_offsets_after_a_death_only) {
  DurableOracle oracle = four_records();
  oracle.published(kLog, kAnn, 3, 5);
  read(oracle, {kFirst, kSecond, kThird, kFourth, {5, {0, kAnn, 3}}}, Voids::allowed);
  EXPECT_THAT(oracle.complaints(), IsEmpty());
  oracle.published(kLog, kBob + 1, 0, 7);
  read(oracle, {kFirst, kSecond, kThird, kFourth, {5, {0, kAnn, 3}}, {7, {0, kBob + 1, 0}}});
  EXPECT_THAT(oracle.complaints(), ElementsAre(HasSubstr("nothing is at offset 6")));
}

}  // namespace
}  // namespace ringmain::crash
