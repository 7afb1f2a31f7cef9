// Records of __consumer_offsets as bytes. They are Kafka's own: page
// docs/formats/consumer-offsets.md.
#include <gtest/gtest.h>

#include "coordination/offsets_record.hpp"
#include "unit/kafka/hex.hpp"

namespace ringmain::coordination {
namespace {

using kafka::from_hex;
using kafka::to_hex;

void expect_bytes(const Change& change, const char* key, const char* value) {
  const Record record = encode(change).value();
  EXPECT_EQ(to_hex(record.key), to_hex(from_hex(key)));
  ASSERT_EQ(record.value.has_value(), value != nullptr);
  if (value != nullptr) {
    EXPECT_EQ(to_hex(*record.value), to_hex(from_hex(value)));
  }
  EXPECT_EQ(decode(record).value(), change);
}

//   version group            topic      partition
constexpr const char* kOffsetKey = "0001 0005 67726f7570 0001 74 00000007";
//   version group
constexpr const char* kGroupKey = "0002 0005 67726f7570";

TEST(ConsumerOffsetsGolden, offset) {
  //           version offset           epoch    metadata    commit timestamp
  expect_bytes(OffsetChange{{"group", {"t", 7}}, CommittedOffset{0x1122, 5, "hi", 0x18bcfe56800}},
               kOffsetKey, "0003 0000000000001122 00000005 0002 6869 0000018bcfe56800");
}

TEST(ConsumerOffsetsGolden, offset_with_an_expiry_of_its_own) {
  //           version offset           metadata commit timestamp expire timestamp
  expect_bytes(
      OffsetChange{{"group", {"t", 7}}, CommittedOffset{1, -1, "", 0x18bcfe56800, 0x18bcfe56be8}},
      kOffsetKey, "0001 0000000000000001 0000 0000018bcfe56800 0000018bcfe56be8");
}

TEST(ConsumerOffsetsGolden, offset_that_was_deleted) {
  expect_bytes(OffsetChange{{"group", {"t", 7}}, std::nullopt}, kOffsetKey, nullptr);
}

TEST(ConsumerOffsetsGolden, group_with_members) {
  GroupMetadata group{"consumer", 3, "range", "a-1", 0x18bcfe56800, {}};
  group.members.push_back(
      {"a-1", std::nullopt, "a", "/h", 300000, 45000, from_hex("0102"), from_hex("03")});
  group.members.push_back({"b-1", "ib", "b", "/h", 300000, 45000, {}, {}});
  expect_bytes(
      GroupChange{{"group"}, group}, kGroupKey,
      // version, protocol type, generation, protocol, leader, state timestamp, members
      "0003 0008 636f6e73756d6572 00000003 0005 72616e6765 0003 612d31 0000018bcfe56800 00000002"
      // id, instance, client id, host, rebalance and session timeout, subscription, assignment
      "0003 612d31 ffff 0001 61 0002 2f68 000493e0 0000afc8 00000002 0102 00000001 03"
      "0003 622d31 0002 6962 0001 62 0002 2f68 000493e0 0000afc8 00000000 00000000");
}

TEST(ConsumerOffsetsGolden, group_without_members) {
  expect_bytes(
      GroupChange{{"group"}, GroupMetadata{"consumer", 4, std::nullopt, std::nullopt, -1, {}}},
      kGroupKey, "0003 0008 636f6e73756d6572 00000004 ffff ffff ffffffffffffffff 00000000");
}

TEST(ConsumerOffsetsGolden, group_that_was_deleted) {
  expect_bytes(GroupChange{{"group"}, std::nullopt}, kGroupKey, nullptr);
}

}  // namespace
}  // namespace ringmain::coordination
