// Subscriptions and assignments: as clients of other kinds write them, and as we do.
#include "kafka/consumer_protocol.hpp"

#include <gtest/gtest.h>

#include "unit/kafka/hex.hpp"

namespace ringmain::kafka {
namespace {

TEST(ConsumerProtocol, subscription_comes_back) {
  const ConsumerSubscription sent{{"t", "u"}, from_hex("0102"), {{"t", {0, 3}}}, 7, "rack"};
  EXPECT_EQ(decode_subscription(encode(sent).value()).value(), sent);
}

TEST(ConsumerProtocol, assignment_comes_back) {
  const ConsumerAssignment sent{{{"t", {0, 3}}, {"u", {}}}, std::nullopt};
  EXPECT_EQ(decode_assignment(encode(sent).value()).value(), sent);
}

// version, topics, user data; then owned partitions from 1 on, generation from 2 on, rack from 3
// on.
TEST(ConsumerProtocol, subscription_of_any_version_is_read) {
  const std::string v0 = " 00000001 0001 74 ffffffff";
  const std::string owned = " 00000001 0001 74 00000001 00000005";
  const ConsumerSubscription expected{{"t"}};
  EXPECT_EQ(decode_subscription(from_hex("0000" + v0)).value(), expected);
  ConsumerSubscription with = expected;
  with.owned = {{"t", {5}}};
  EXPECT_EQ(decode_subscription(from_hex("0001" + v0 + owned)).value(), with);
  with.generation = 9;
  EXPECT_EQ(decode_subscription(from_hex("0002" + v0 + owned + "00000009")).value(), with);
  with.rack = "r";
  EXPECT_EQ(decode_subscription(from_hex("0003" + v0 + owned + "00000009 0001 72")).value(), with);
  // What a version to come adds stands behind.
  EXPECT_EQ(decode_subscription(from_hex("0063" + v0 + owned + "00000009 0001 72 ffff")).value(),
            with);
}

TEST(ConsumerProtocol, bad_bytes_are_errors) {
  const Bytes whole = encode(ConsumerSubscription{{"t"}, from_hex("01"), {{"t", {1}}}}).value();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_subscription(std::span(whole).first(size))) << size;
  }
  EXPECT_FALSE(decode_subscription(from_hex("ffff 00000000 ffffffff")));
  EXPECT_FALSE(decode_subscription(from_hex("0000 7fffffff")));
  EXPECT_FALSE(decode_assignment(from_hex("0000 00000001 0001 74 7fffffff")));
}

}  // namespace
}  // namespace ringmain::kafka
