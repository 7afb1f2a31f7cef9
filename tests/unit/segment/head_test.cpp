// Heads of segments on disk.
#include "segment/head.hpp"

#include <gmock/gmock.h>

#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;

HeadState state_of(const format::LogFileHead& head, std::uint64_t at = 0) {
  format::LogFileHead into;
  return read_head(std::as_bytes(std::span(&head, 1)), at, into);
}
HeadState sealed_state(format::LogFileHead head, std::uint64_t at = 0) {
  seal_head(head);
  return state_of(head, at);
}

TEST(Head, takes_the_identity_from_shared_memory_and_proves_nothing_yet) {
  HotSegment segment(5, 100);
  const auto head = segment.head();
  EXPECT_EQ(state_of(head), HeadState::valid);
  EXPECT_TRUE(std::equal(segment.slot().begin(), segment.slot().begin() + 56,
                         std::as_bytes(std::span(&head, 1)).begin()));
  EXPECT_EQ(head.base_offset, 100u);
  EXPECT_EQ(head.proved_units, format::kFirstFrameUnits);
  EXPECT_EQ(proved_end_offset(head), 100u);
  EXPECT_FALSE(is_complete(head));
  EXPECT_GT(head.smallest_ns, head.largest_ns);
}

TEST(Head, is_not_made_of_an_identity_that_somebody_wrote_over) {
  for (std::size_t at = 0; at < 56; ++at) {
    HotSegment segment;
    segment.frame_at(0)[at] ^= std::byte{4};
    const auto head = make_head(segment.slot(), segment.placement(), "orders/3");
    ASSERT_FALSE(head) << "byte " << at;
    EXPECT_EQ(head.error().code, ErrorCode::corrupt_memory);
    EXPECT_THAT(head.error().message, ::testing::HasSubstr("orders/3"));
  }
  EXPECT_FALSE(make_head({}, {}, "orders/3"));
}

TEST(Head, each_flipped_bit_is_noticed) {
  HotSegment segment;
  segment.record("one");
  auto head = segment.proved_head(format::kSegmentComplete, {1, 2});
  const auto bytes = std::as_writable_bytes(std::span(&head, 1));
  ASSERT_EQ(state_of(head), HeadState::valid);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      flip(bytes, at, bit);
      ASSERT_EQ(state_of(head), HeadState::damaged) << "byte " << at << " bit " << bit;
      flip(bytes, at, bit);
    }
}

TEST(Head, of_any_shorter_length_is_damaged_or_blank) {
  HotSegment segment;
  const auto head = segment.head();
  const auto bytes = std::as_bytes(std::span(&head, 1));
  format::LogFileHead into;
  EXPECT_EQ(read_head({}, 0, into), HeadState::blank);
  for (std::size_t size = 1; size < bytes.size(); ++size)
    ASSERT_EQ(read_head(bytes.first(size), 0, into), HeadState::damaged) << size;
}

TEST(Head, of_zeros_is_blank) {
  EXPECT_EQ(state_of({}), HeadState::blank);
}

TEST(Head, of_a_later_version_is_told_from_a_damaged_one) {
  HotSegment segment;
  auto head = segment.head();
  head.version = 2;
  EXPECT_EQ(state_of(head), HeadState::damaged) << "the checksum is of another version";
  const auto bytes = std::as_bytes(std::span(&head, 1));
  head.head_crc32c = crc32c(bytes.subspan(72), crc32c(bytes.first(68)));
  EXPECT_EQ(state_of(head), HeadState::newer_version);
}

TEST(Head, with_numbers_that_cannot_be_is_damaged_though_its_checksum_is_right) {
  HotSegment segment;
  const auto good = segment.head();
  ASSERT_EQ(sealed_state(good), HeadState::valid);
  const auto with = [&good](auto&& change) {
    auto head = good;
    change(head);
    return sealed_state(head);
  };
  EXPECT_EQ(with([](auto& head) { head.tag = 0; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.flags = 4; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.slot_bytes = 0; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.slot_bytes += 32; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.slot_bytes = 2 * format::kMaxSlotBytes; }),
            HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.index_in_file = 1; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.proved_units = 7; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.proved_units = 2049; }), HeadState::damaged);
  EXPECT_EQ(with([](auto& head) { head.base_offset = format::kMaxBaseOffset + 1; }),
            HeadState::damaged);
}

TEST(Head, stands_at_its_own_place_in_the_file) {
  HotSegment segment;
  segment.placement().index_in_file = 3;
  const auto head = segment.head();
  EXPECT_EQ(state_of(head, 3 * kSlotBytes), HeadState::valid);
  EXPECT_EQ(state_of(head, 2 * kSlotBytes), HeadState::damaged);
  EXPECT_EQ(state_of(head, 0), HeadState::damaged);
}

}  // namespace
}  // namespace ringmain::segment
