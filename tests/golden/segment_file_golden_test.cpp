// Log files and their indexes as bytes. Programs of different builds meet in these: a change needs
// a new version. Pages: docs/formats/log-file.md, frame.md, offset-index.md, time-index.md.
#include <gtest/gtest.h>

#include "golden/hex_dump.hpp"
#include "segment/index_builder.hpp"
#include "segment/prove.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using ringmain::test::hex_dump;

class SegmentFileGolden : public ::testing::Test {
 protected:
  // A segment of shared memory whose head is made by hand.
  SegmentFileGolden() {
    format::LogFileHead identity{};
    identity.magic = format::kSegmentMagic;
    for (std::uint8_t i = 0; i < 16; ++i) identity.topic_id[i] = i;
    identity.partition = 0x21;
    identity.tag = 0xa1b2c3d4;
    identity.sequence = 0x105;
    identity.created_ms = 0x18c2d3e4f56;
    identity.leader_epoch = 7;
    seal_head(identity);
    std::memcpy(slot.data(), &identity, 64);
  }
  format::LogFileHead head(std::uint32_t index = 0) const {
    return make_head(slot, {0x1122334455667788, 65536, 0x300, index}, "golden").value();
  }
  // Publishes a frame and gives its bytes on disk.
  std::string on_disk(std::uint32_t units, std::uint64_t offset, std::int64_t extent,
                      format::FrameType type, std::span<const std::byte> body) {
    std::byte* at = slot.data() + units * std::size_t{32};
    const auto size = static_cast<std::uint32_t>(32 + body.size());
    test::Writer::write_fields(at, {offset, extent, type, 0, 3});
    std::copy(body.begin(), body.end(), at + 32);
    test::Writer::publish(at, size, 0xa1b2c3d4);
    std::vector<std::byte> image(format::align_frame(size));
    FrameCopier(head(), {units, offset}).copy(slot, ~0u, image, [](const FrameNote&) {});
    return hex_dump(image);
  }

  alignas(64) std::array<std::byte, 1024> slot{};
};

//   magic             topic id                          part.   tag      sequence
//   created           epoch   crc32c   zero             version crc32c   file tag
//   slot bytes        base offset      index   flags    proved units/count
//   smallest          largest          zero
TEST_F(SegmentFileGolden, head_of_a_segment_that_is_written) {
  const auto written = head();
  EXPECT_EQ(hex_dump(&written, 144),
            "52524d5345473031 0001020304050607 08090a0b0c0d0e0f 21000000d4c3b2a1 0501000000000000 "
            "564f3e2d8c010000 07000000392fe709 0000000000000000 01000000f9793642 8877665544332211 "
            "0000010000000000 0003000000000000 0000000000000000 0800000000000000 ffffffffffffff7f "
            "0000000000000080 0000000000000000 0000000000000000");
}
TEST_F(SegmentFileGolden, head_of_a_complete_segment) {
  auto complete = head(2);
  complete.flags = format::kSegmentComplete;
  complete.proved_units = 0x700;
  complete.proved_count = 0x1234;
  complete.smallest_ns = -2;
  complete.largest_ns = 0x0102030405060708;
  seal_head(complete);
  EXPECT_EQ(hex_dump(&complete, 144),
            "52524d5345473031 0001020304050607 08090a0b0c0d0e0f 21000000d4c3b2a1 0501000000000000 "
            "564f3e2d8c010000 07000000392fe709 0000000000000000 0100000025a47265 8877665544332211 "
            "0000010000000000 0003000000000000 0200000001000000 0007000034120000 feffffffffffffff "
            "0807060504030201 0000000000000000 0000000000000000");
}

//   size     tag     offset           extent           crc32c  ty fl owner
TEST_F(SegmentFileGolden, frame_of_a_record) {
  EXPECT_EQ(on_disk(8, 0x300, 0x0102030405060708, format::FrameType::record, test::text("value")),
            "25000000d4c3b2a1 0003000000000000 0807060504030201 88ced65101000300 "
            "76616c7565000000 0000000000000000 0000000000000000 0000000000000000");
}
TEST_F(SegmentFileGolden, frame_of_a_filler) {
  EXPECT_EQ(on_disk(10, 0x301, 5, format::FrameType::filler,
                    test::text("what a dead producer left there")),
            "3f000000d4c3b2a1 0103000000000000 0500000000000000 dd2619e603000300 "
            "0000000000000000 0000000000000000 0000000000000000 0000000000000000");
}
TEST_F(SegmentFileGolden, frame_of_a_batch) {
  std::vector<std::byte> body = test::batch_body(2, 5, 3, 3);
  EXPECT_EQ(on_disk(12, 0x306, 3, format::FrameType::batch, body),
            "60000000d4c3b2a1 0603000000000000 0300000000000000 129486cc02000300 "
            "5a5a5a5a5a5a5a5a 5a5a5a5a5a5a5a5a 5a5a5a5a5a5a5a5a 5a5a5a0000000000 "
            "0000020000000000 0000055a5a5a5a5a 5a5a5a5a5a5a5a5a 5a000000035a5a5a");
}

class IndexGolden : public SegmentFileGolden {
 protected:
  const FileIdentity file = identity_of(head());
};

//   magic            version crc32c   topic id
//   part.   count    file tag         base offset      slot bytes
//   entries
TEST_F(IndexGolden, offset_index) {
  OffsetIndex index(file);
  index.add({0, 8, 0x310});
  index.add({1, 8, 0x500});
  EXPECT_EQ(hex_dump(index.encode()),
            "524f464944583031 01000000afc58931 0001020304050607 08090a0b0c0d0e0f "
            "2100000002000000 8877665544332211 0003000000000000 0000010000000000 "
            "1000000008000000 0002000008080000");
}
TEST_F(IndexGolden, time_index) {
  TimeIndex index(file);
  index.add(-7, {0, 8, 0x310});
  index.add(0x0102030405060708, {1, 8, 0x500});
  EXPECT_EQ(hex_dump(index.encode()),
            "5254494944583031 010000008c266bd2 0001020304050607 08090a0b0c0d0e0f "
            "2100000002000000 8877665544332211 0003000000000000 0000010000000000 "
            "f9ffffffffffffff 1000000008000000 0807060504030201 0002000008080000");
}

}  // namespace
}  // namespace ringmain::segment
