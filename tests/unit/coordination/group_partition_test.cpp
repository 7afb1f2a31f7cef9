// A group's partition is the one that a Kafka broker computes. The expected hashes are Java's.
#include "coordination/group_partition.hpp"

#include <gtest/gtest.h>

namespace ringmain::coordination {
namespace {

TEST(JavaHash, is_that_of_java) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("a"), 97);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("test-group"), 627841412);
  EXPECT_EQ(java_hash("polygenelubricants"), std::numeric_limits<int32_t>::min());
}

TEST(JavaHash, goes_over_utf16_units) {
  EXPECT_EQ(java_hash("\u00e9"), 0xe9);                      // two bytes, one unit
  EXPECT_EQ(java_hash("\u20ac"), 0x20ac);                    // three bytes, one unit
  EXPECT_EQ(java_hash("\U0001f600"), 0xd83d * 31 + 0xde00);  // four bytes, two units
}

TEST(JavaHash, takes_malformed_text) {
  EXPECT_EQ(java_hash("\xff"), 0xfffd);
  EXPECT_EQ(java_hash("\xe2\x82"), 0xfffd);
  EXPECT_EQ(java_hash("\xc3"
                      "a"),
            0xfffd * 31 + 'a');
}

TEST(GroupPartition, lies_within_the_topic) {
  EXPECT_EQ(group_partition("hello", 50), 22);
  EXPECT_EQ(group_partition("polygenelubricants", 50), 0);  // its hash has no absolute value
  for (const char* group : {"", "a", "another group", "x-1", "\xff"}) {
    EXPECT_GE(group_partition(group, 7), 0);
    EXPECT_LT(group_partition(group, 7), 7);
  }
}

}  // namespace
}  // namespace ringmain::coordination
