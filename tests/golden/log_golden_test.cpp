// Frames, segments, intents and the directory as bytes, written by the log's own code. Clients and
// brokers of different builds meet in these: a change needs a new version of the partition file.
// Pages: docs/formats/frame.md, segment.md, partition.md.
#include <gtest/gtest.h>

#include "client/header_codec.hpp"
#include "format/record_body.hpp"
#include "golden/hex_dump.hpp"
#include "log/reader.hpp"
#include "log/repairer.hpp"
#include "log/shared_appender.hpp"
#include "log_fixture.hpp"

namespace ringmain::log {
namespace {

using test::hex_dump;
using Writer = FrameWriter<SharedMemory>;

class LogGolden : public ::testing::Test {
 protected:
  LogGolden() {
    SegmentIdentity identity;
    for (std::uint8_t i = 0; i < 16; ++i) identity.topic_id[i] = i;
    identity.partition = 0x21;
    identity.tag = 0xa1b2c3d4;
    identity.created_ms = 0x18c2d3e4f56;
    identity.leader_epoch = 7;
    Recycler(view).prepare(0, 0, identity, 65536, 0);
    identity.tag = 0x11223344;
    Recycler(view).prepare(1, 2, identity, 65536);
  }
  // Claims room for a record; its bytes are zero before it is written.
  Claim claim(std::uint32_t size) {
    Claim claim;
    const std::uint32_t bytes = format::align_frame(size);
    EXPECT_EQ(appender.claim(bytes, 1, claim), ClaimOutcome::ok);
    std::memset(claim.at, 0, bytes);
    return claim;
  }
  std::string frame(const format::RecordParts& parts, std::int64_t timestamp_ns) {
    const auto size = static_cast<std::uint32_t>(format::kFrameHeaderBytes + parts.body_bytes());
    const Claim place = claim(size);
    Writer::write_fields(place.at, {place.offset, timestamp_ns, format::FrameType::record, parts.flags(), appender.owner()});
    format::write_body(place.at + format::kFrameHeaderBytes, parts);
    appender.publish(place, size);
    return hex_dump(place.at, place.bytes);
  }

  test::LogFixture<SharedMemory> memory{4, 65536};
  PartitionView view = memory.view();
  test::CountingBell bell;
  SharedAppender appender{view, 3, bell};
};

//   size     tag       offset            extent           crc32c   ty fl owner
TEST_F(LogGolden, frame_of_a_value) {
  EXPECT_EQ(frame({std::nullopt, "value", {}}, 0x0102030405060708),
            "25000000d4c3b2a1 0000000000000000 0807060504030201 0000000001000300 "
            "76616c7565000000 0000000000000000 0000000000000000 0000000000000000");
}
TEST_F(LogGolden, frame_of_a_null_value) { EXPECT_EQ(frame({std::nullopt, std::nullopt, {}}, 1),
            "20000000d4c3b2a1 0000000000000000 0100000000000000 0000000001040300"); }
TEST_F(LogGolden, frame_of_a_tombstone) { EXPECT_EQ(frame({"key", std::nullopt, {}}, 1),
            "2b000000d4c3b2a1 0000000000000000 0100000000000000 0000000001050300 "
            "6b65790300000000 0000000000000000 0000000000000000 0000000000000000"); }
TEST_F(LogGolden, frame_of_a_record_with_everything) {
  const Header headers[] = {{"h", "1"}, {"null", std::nullopt}};
  EXPECT_EQ(frame({"key", "value", client::encode_headers(headers)}, -2),
            "44000000d4c3b2a1 0000000000000000 feffffffffffffff 0000000001030300 "
            "76616c75656b6579 0200010068010000 003104006e756c6c ffffffff03000000 "
            "1400000000000000 0000000000000000 0000000000000000 0000000000000000");
}
TEST_F(LogGolden, frame_in_progress) {
  const Claim place = claim(100);
  Writer::mark_in_progress(place.at, place.bytes, place.tag);
  EXPECT_EQ(hex_dump(place.at, 8), "80ffffffd4c3b2a1");
}
TEST_F(LogGolden, filler_of_a_dead_producers_claim) {
  const Claim place = claim(100);
  Repairer(view).repair(3, [](std::uint32_t) { return true; });
  EXPECT_EQ(hex_dump(place.at, 32), "80000000d4c3b2a1 0000000000000000 0100000000000000 0000000003000300");
}
TEST_F(LogGolden, body_is_read_back) {
  const std::string headers = client::encode_headers(std::vector<Header>{{"h", "1"}});
  const format::RecordParts parts{"key", "value", headers};
  std::string body(parts.body_bytes(), '\0');
  format::write_body(reinterpret_cast<std::byte*>(body.data()), parts);
  const auto read = format::read_body(reinterpret_cast<const std::byte*>(body.data()), static_cast<std::uint32_t>(body.size()), parts.flags());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key, "key");
  EXPECT_EQ(read->value, "value");
  EXPECT_EQ(read->headers, headers);
}

TEST_F(LogGolden, header_of_the_first_segment_after_a_claim) {
  claim(100);
  EXPECT_EQ(hex_dump(&view.segment_in(0), 64),
            "52524d5345473031 0001020304050607 08090a0b0c0d0e0f 21000000d4c3b2a1 "
            "0000000000000000 564f3e2d8c010000 07000000974a905a 0000000000000000");
  EXPECT_EQ(hex_dump(&view.segment_in(0).tail, 8), "0c00001000000000");
  EXPECT_EQ(hex_dump(&view.segment_in(0).base_offset, 16), "0000000000000000 0000000000000000");
  EXPECT_EQ(hex_dump(&view.segment_in(0).prepared_bytes, 8), "0000010000000000");
}
TEST_F(LogGolden, header_of_a_segment_whose_turn_has_not_come) {
  EXPECT_EQ(hex_dump(&view.segment_in(2).tail, 8), "0800000000004000");
  EXPECT_EQ(hex_dump(&view.segment_in(2).base_offset, 16), "ffffffffffffffff 0000000000000000");
}
TEST_F(LogGolden, final_word_of_a_segment_that_a_claim_did_not_fit) {
  while (view.control().active == 0) claim(16384);
  EXPECT_EQ(hex_dump(&view.segment_in(0).tail, 8), "0808004000000000");
  EXPECT_EQ(hex_dump(&view.segment_in(0).base_offset, 16), "0000000000000000 0806003000000080");
  EXPECT_EQ(hex_dump(&view.segment_in(2).tail, 8), "0802001000004000");
  EXPECT_EQ(hex_dump(&view.segment_in(2).base_offset, 16), "0300000000000000 0000000000000000");
}

TEST_F(LogGolden, intent_of_a_claim) {
  claim(40);
  claim(100);
  EXPECT_EQ(hex_dump(&view.intent(3), 64),
            "2a00000000000000 0400000001000000 0100000000000000 0000000000000000 "
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000");
}
TEST_F(LogGolden, intent_words) {
  const auto word = [](format::Intent intent) {
    const std::uint64_t packed = format::pack_intent(intent);
    return hex_dump(&packed, 8);
  };
  EXPECT_EQ(word({}), "0000000000000000");
  EXPECT_EQ(word({format::IntentState::about, 0, 5}), "0100004001000000");
  EXPECT_EQ(word({format::IntentState::about, format::kOwnsNothing, 5}), "fdffff7f01000000");
  EXPECT_EQ(word({format::IntentState::claimed, 0x1234567, 0x2'0000'0001}), "9e158d4400000080");
  EXPECT_EQ(word({format::IntentState::abandoned, 8, 0}), "2300000000000000");
}
TEST_F(LogGolden, directory_entries) {
  EXPECT_EQ(hex_dump(&view.directory(0), 24), "0100000000000000 0300010000000000 0000000000000000");
  const std::uint64_t entry = format::pack_directory(0x1234'5678'9abc, 4095);
  EXPECT_EQ(hex_dump(&entry, 8), "0010bc9a78563412");
}
TEST_F(LogGolden, control_area) { EXPECT_EQ(hex_dump(&view.control(), 192),
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0200000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0200000000000000 0000000000000000 0000000000000000 0000000000000000 "
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000"); }
TEST_F(LogGolden, tail_words) {
  const auto word = [](std::uint64_t packed) { return hex_dump(&packed, 8); };
  EXPECT_EQ(word(format::pack_tail({0x1234567, 0x2345678, 0x3ff})), "674523816745e3ff");
  EXPECT_EQ(word(format::pack_final(0x1234567, 0x2345678)), "6745238167452380");
}

}  // namespace
}  // namespace ringmain::log
