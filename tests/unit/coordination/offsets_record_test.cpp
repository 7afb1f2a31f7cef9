// Records of __consumer_offsets: what is written comes back, older versions are read, bad bytes are
// errors. The bytes themselves: tests/golden/consumer_offsets_golden_test.cpp.
#include "coordination/offsets_record.hpp"

#include <gtest/gtest.h>

#include "kafka/writer.hpp"

namespace ringmain::coordination {
namespace {

using kafka::Encoding;
using kafka::Null;
using kafka::Writer;

GroupMetadata some_group() {
  GroupMetadata group{"consumer", 7, "range", "a-1", 1'700'000'000'000, {}};
  group.members.push_back(
      {"a-1", std::nullopt, "a", "/10.0.0.1", 60000, 10000, Bytes(3), Bytes(5)});
  group.members.push_back({"b-1", "ib", "b", "/10.0.0.2", 60000, 10000, Bytes(), Bytes(2)});
  return group;
}

std::vector<Change> some_changes() {
  return {OffsetChange{{"g", {"t", 3}}, CommittedOffset{42, 5, "note", 1'700'000'000'000}},
          OffsetChange{{"g", {"t", 3}}, CommittedOffset{42, -1, "", 1'000, 2'000}},
          OffsetChange{{"g", {"t", 3}}, std::nullopt},
          GroupChange{{"g"}, some_group()},
          GroupChange{{"g"}, GroupMetadata{"consumer", 8, std::nullopt, std::nullopt, 1, {}}},
          GroupChange{{"g"}, std::nullopt}};
}

TEST(OffsetsRecord, comes_back_as_it_was_written) {
  for (const Change& change : some_changes()) {
    const auto back = decode(encode(change).value());
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->value(), change);
  }
}

TEST(OffsetsRecord, is_refused_when_cut_anywhere) {
  for (const Change& change : some_changes()) {
    const Record whole = encode(change).value();
    for (size_t size = 0; size < whole.key.size(); ++size) {
      Record cut = whole;
      cut.key.resize(size);
      EXPECT_FALSE(decode(cut)) << "key cut to " << size;
    }
    for (size_t size = 0; whole.value && size < whole.value->size(); ++size) {
      Record cut = whole;
      cut.value->resize(size);
      EXPECT_FALSE(decode(cut)) << "value cut to " << size;
    }
  }
}

TEST(OffsetsRecord, with_a_key_of_a_later_version_is_skipped) {
  const auto skipped = decode({{std::byte{0}, std::byte{3}, std::byte{9}}, Bytes(4)});
  ASSERT_TRUE(skipped);
  EXPECT_FALSE(skipped->has_value());
}

TEST(OffsetsRecord, with_a_value_of_a_later_version_is_an_error) {
  for (Change& change : some_changes()) {
    Record record = encode(change).value();
    if (!record.value) continue;
    (*record.value)[1] = std::byte{9};
    EXPECT_EQ(decode(record).error().code, ErrorCode::unsupported_version);
  }
}

TEST(OffsetsRecord, of_older_brokers_is_read) {
  const Record key = encode(OffsetChange{{"g", {"t", 3}}, std::nullopt}).value();
  for (const int16_t version : {0, 1, 2, 3}) {
    Writer value;
    value.int16(version);
    value.int64(42);
    if (version == 3) value.int32(5);
    value.string("note", Encoding::classic);
    value.int64(1000);
    if (version == 1) value.int64(2000);
    const auto change = decode({key.key, std::move(value).take().value()});
    ASSERT_TRUE(change) << change.error().message;
    const CommittedOffset read = *std::get<OffsetChange>(change->value()).value;
    CommittedOffset expected{42, version == 3 ? 5 : -1, "note", 1000};
    if (version == 1) expected.expires_ms = 2000;
    EXPECT_EQ(read, expected) << "version " << version;
  }
}

TEST(OffsetsRecord, of_a_group_of_older_brokers_is_read) {
  const Record key = encode(GroupChange{{"g"}, std::nullopt}).value();
  for (const int16_t version : {0, 1, 2, 3}) {
    Writer value;
    value.int16(version);
    value.string("consumer", Encoding::classic);
    value.int32(7);
    value.nullable_string("range", Encoding::classic, Null::allowed);
    value.nullable_string("a-1", Encoding::classic, Null::allowed);
    if (version >= 2) value.int64(99);
    value.int32(1);
    value.string("a-1", Encoding::classic);
    if (version >= 3) value.nullable_string("ia", Encoding::classic, Null::allowed);
    value.string("a", Encoding::classic);
    value.string("/host", Encoding::classic);
    if (version >= 1) value.int32(60000);
    value.int32(10000);
    value.bytes(Bytes(2), Encoding::classic);
    value.bytes(Bytes(3), Encoding::classic);
    const auto change = decode({key.key, std::move(value).take().value()});
    ASSERT_TRUE(change) << change.error().message;
    const GroupMetadata group = *std::get<GroupChange>(change->value()).value;
    EXPECT_EQ(group.state_since_ms, version >= 2 ? 99 : -1);
    ASSERT_EQ(group.members.size(), 1u);
    EXPECT_EQ(group.members[0].instance.has_value(), version >= 3);
    EXPECT_EQ(group.members[0].rebalance_timeout_ms, version >= 1 ? 60000 : 10000);
    EXPECT_EQ(group.members[0].assignment.size(), 3u);
  }
}

TEST(OffsetsRecord, that_cannot_be_written_is_an_error) {
  const std::string too_long(kMaxStringBytes + 1, 'x');
  EXPECT_FALSE(encode(OffsetChange{{too_long, {"t", 3}}, std::nullopt}));
  EXPECT_FALSE(encode(OffsetChange{{"g", {"t", 3}}, CommittedOffset{1, -1, too_long, 1}}));
}

}  // namespace
}  // namespace ringmain::coordination
