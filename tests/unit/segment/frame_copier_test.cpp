// Copying published frames out of shared memory that others write to.
#include "segment/frame_copier.hpp"

#include <gmock/gmock.h>

#include "segment/image_walk.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;
using ::testing::Each;
using ::testing::ElementsAre;

class FrameCopierTest : public ::testing::Test {
 protected:
  CopyResult copy(FrameCopier& copier, std::uint32_t end_units = ~0u) {
    return copier.copy(segment.slot(), end_units, buffer,
                       [this](const FrameNote& note) { notes.push_back(note); });
  }
  CopyResult copy_anew() {
    FrameCopier copier(segment.head());
    return copy(copier);
  }
  std::vector<SegmentPlace> places() const {
    std::vector<SegmentPlace> places;
    for (const auto& note : notes) places.push_back(note.place);
    return places;
  }

  HotSegment segment;
  Bytes buffer = Bytes(kSlotBytes, std::byte{0xee});
  std::vector<FrameNote> notes;
};

TEST_F(FrameCopierTest, copies_all_that_is_published_and_stops_at_what_an_earlier_segment_left) {
  const auto first = segment.record("one");
  const auto second = segment.record(std::string(500, 'y'));
  FrameCopier copier(segment.head());
  const CopyResult result = copy(copier);
  EXPECT_EQ(result.stop, CopyStop::not_published);
  EXPECT_EQ(result.bytes, (segment.end().units - 8) * 32);
  EXPECT_THAT(places(), ElementsAre(first, second));
  EXPECT_EQ(copier.place(), segment.end());
}

TEST_F(FrameCopierTest, the_copy_differs_from_shared_memory_by_checksum_and_padding_alone) {
  segment.record("one");
  const Bytes before(segment.slot().begin(), segment.slot().end());
  const CopyResult result = copy_anew();
  ASSERT_EQ(result.bytes, 64u);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), segment.slot().begin()))
      << "shared memory was written";
  const std::byte* hot = before.data() + 256;
  EXPECT_TRUE(std::equal(buffer.begin(), buffer.begin() + 24, hot));
  EXPECT_TRUE(std::equal(buffer.begin() + 28, buffer.begin() + 35, hot + 28));
  EXPECT_FALSE(std::equal(buffer.begin() + 24, buffer.begin() + 28, hot + 24));
  EXPECT_THAT(std::vector(buffer.begin() + 35, buffer.begin() + 64), Each(std::byte{0}));
  EXPECT_EQ(buffer[64], std::byte{0xee}) << "wrote behind the frame";
}

TEST_F(FrameCopierTest, goes_on_where_it_stopped_once_more_is_published) {
  segment.record("one");
  FrameCopier copier(segment.head());
  copy(copier);
  const auto second = segment.record("two");
  const CopyResult result = copy(copier);
  EXPECT_EQ(result.bytes, 64u);
  EXPECT_EQ(notes.back().place, second);
}

TEST_F(FrameCopierTest, stops_before_a_claim_that_is_still_written) {
  segment.record("one");
  Writer::mark_in_progress(segment.frame_at(segment.end().units), 64, segment.tag());
  EXPECT_EQ(copy_anew().stop, CopyStop::not_published);
  EXPECT_EQ(notes.size(), 1u);
}

TEST_F(FrameCopierTest, does_not_pass_the_end_it_was_given_nor_split_a_frame_over_it) {
  segment.record(std::string(32, 'a'));  // two units each
  segment.record(std::string(32, 'b'));
  FrameCopier copier(segment.head());
  EXPECT_EQ(copy(copier, 11).stop, CopyStop::reached_end);
  EXPECT_EQ(copier.place().units, 10u);
  EXPECT_EQ(copy(copier, 12).stop, CopyStop::reached_end);
  EXPECT_EQ(copier.place().units, 12u);
}

TEST_F(FrameCopierTest, touches_nothing_beyond_the_memory_that_is_prepared) {
  segment.record(std::string(32, 'a'));
  segment.record(std::string(32, 'b'));
  FrameCopier copier(segment.head());
  const auto take = [&](std::size_t readable_bytes) {
    Bytes exact(segment.slot().begin(),
                segment.slot().begin() + static_cast<std::ptrdiff_t>(readable_bytes));
    return copier.copy(exact, ~0u, buffer, [](const FrameNote&) {});
  };
  EXPECT_EQ(take(0).stop, CopyStop::reached_end);
  EXPECT_EQ(take(256 + 63).bytes, 0u);
  EXPECT_EQ(take(256 + 64).bytes, 64u);
  EXPECT_EQ(take(256 + 64 + 32).bytes, 0u);
  EXPECT_EQ(take(256 + 128).bytes, 64u);
}

TEST_F(FrameCopierTest, a_full_buffer_holds_whole_frames_and_says_what_the_next_one_needs) {
  segment.record(std::string(32, 'a'));
  segment.record(std::string(100, 'b'));
  FrameCopier copier(segment.head());
  buffer.resize(64 + 159);
  const CopyResult result = copy(copier);
  EXPECT_EQ(result.stop, CopyStop::buffer_full);
  EXPECT_EQ(result.bytes, 64u);
  EXPECT_EQ(result.needed_bytes, 160u);
  buffer.resize(160);
  EXPECT_EQ(copy(copier).bytes, 160u);
}

TEST_F(FrameCopierTest, notes_what_indexes_need) {
  segment.record("one", -5);
  segment.filler(320, 4);
  segment.batch(20, 30, 3);
  copy_anew();
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0].times, (TimeRange{-5, -5}));
  EXPECT_EQ(notes[0].records, 1u);
  EXPECT_EQ(notes[1].type, format::FrameType::filler);
  EXPECT_EQ(notes[1].records, 0u);
  EXPECT_EQ(notes[1].offsets, 4u);
  EXPECT_TRUE(notes[1].times.empty());
  EXPECT_EQ(notes[2].place.offset, 105u);
  EXPECT_EQ(notes[2].times, (TimeRange{20'000'000, 30'000'000}));
  EXPECT_EQ(notes[2].records, 3u);
}

TEST_F(FrameCopierTest, times_of_batches_are_cut_to_what_nanoseconds_hold) {
  segment.batch(-7, 30, 1);
  segment.batch(-1, -1, 1);
  segment.batch(5, std::numeric_limits<std::int64_t>::max(), 1);
  copy_anew();
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0].times, (TimeRange{0, 30'000'000}));
  EXPECT_TRUE(notes[1].times.empty());
  EXPECT_EQ(notes[2].times, (TimeRange{5'000'000, 9'223'372'036'854'000'000}));
}

TEST_F(FrameCopierTest, a_batch_says_no_more_records_than_it_takes_offsets) {
  segment.add(format::FrameType::batch, 2, batch_body(1, 2, -1));
  segment.add(format::FrameType::batch, 2, batch_body(1, 2, 0));
  segment.add(format::FrameType::batch, 2, text("too short for a batch"));
  copy_anew();
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_EQ(notes[0].records, 2u);
  EXPECT_EQ(notes[1].records, 0u);
  EXPECT_TRUE(notes[1].times.empty());
  EXPECT_TRUE(notes[2].times.empty());
}

TEST_F(FrameCopierTest, the_body_of_a_filler_goes_to_disk_as_zeros) {
  segment.filler(320, 1);
  ASSERT_EQ(copy_anew().bytes, 320u);
  EXPECT_THAT(std::vector(buffer.begin() + 32, buffer.begin() + 320), Each(std::byte{0}));
}

TEST_F(FrameCopierTest, a_frame_that_leads_out_of_the_slot_is_damage) {
  Writer::publish(segment.frame_at(segment.record("one").units), 0x7fffffff, segment.tag());
  EXPECT_EQ(copy_anew().stop, CopyStop::damaged);
  EXPECT_TRUE(notes.empty());
}

TEST_F(FrameCopierTest, a_frame_of_no_known_type_or_extent_is_damage) {
  const auto with = [this](std::uint8_t type, std::int64_t extent) {
    HotSegment other;
    const auto at = other.record("one");
    std::byte* frame = other.frame_at(at.units);
    frame[28] = static_cast<std::byte>(type);
    std::memcpy(frame + 16, &extent, 8);
    FrameCopier copier(other.head());
    return copier.copy(other.slot(), ~0u, buffer, [](const FrameNote&) {}).stop;
  };
  EXPECT_EQ(with(0, 1), CopyStop::damaged);
  EXPECT_EQ(with(4, 1), CopyStop::damaged);
  EXPECT_EQ(with(2, -1), CopyStop::damaged);
  EXPECT_EQ(with(3, -1), CopyStop::damaged);
  EXPECT_EQ(with(3, format::kMaxSegmentRecords + 1), CopyStop::damaged);
  EXPECT_EQ(with(1, -1), CopyStop::not_published) << "of a record it is the timestamp";
}

TEST_F(FrameCopierTest, more_offsets_than_a_segment_can_count_are_damage) {
  for (int i = 0; i < 130; ++i) segment.filler(32, format::kMaxSegmentRecords);
  EXPECT_EQ(copy_anew().stop, CopyStop::damaged);
  EXPECT_EQ(notes.size(), 127u);
}

TEST_F(FrameCopierTest, a_frame_with_another_offset_is_not_there) {
  const auto at = segment.record("one");
  const std::uint64_t wrong = 101;
  std::memcpy(segment.frame_at(at.units) + 8, &wrong, 8);
  EXPECT_EQ(copy_anew().stop, CopyStop::not_published);
  EXPECT_TRUE(notes.empty());
}

TEST_F(FrameCopierTest, whatever_a_slot_holds_the_copy_proves_itself_and_stays_in_its_buffer) {
  Random random(7);
  std::size_t frames = 0;
  for (int round = 0; round < 3000; ++round) {
    // Frames with the right tag at random places, of random sizes and fields.
    std::uint64_t offset = 100;
    for (std::uint32_t units = 8; units < 64;) {
      const auto type =
          static_cast<std::uint8_t>(random.below(20) == 0 ? random() : 1 + random.below(3));
      const auto extent = static_cast<std::int64_t>(random.below(4));
      const auto size =
          static_cast<std::uint32_t>(random.below(40) == 0 ? random() : 32 + random.below(200));
      Writer::write_fields(segment.frame_at(units),
                           {random.below(30) == 0 ? random() : offset, extent,
                            static_cast<format::FrameType>(type), 0, 0});
      const std::uint64_t word =
          format::commit_word(static_cast<std::int32_t>(size), segment.tag());
      std::memcpy(segment.frame_at(units), &word, 8);
      offset += type == 1 ? 1 : static_cast<std::uint64_t>(extent);
      units += size < 32 || size > 300 ? 1 : format::align_frame(size) / 32;
    }
    notes.clear();
    const std::size_t room = random.below(2048);
    const Bytes exact_slot(segment.slot().begin(), segment.slot().begin() + 2048 + 32 * 8);
    Bytes exact(room);
    FrameCopier copier(segment.head());
    const CopyResult result = copier.copy(exact_slot, ~0u, exact,
                                          [this](const FrameNote& note) { notes.push_back(note); });
    ASSERT_LE(result.bytes, room);
    Bytes image(256 + result.bytes);
    std::copy_n(exact.begin(), result.bytes, image.begin() + 256);
    ImageWalk walk(image, FrameSeal(segment.head()), 100, {8, 100});
    for (const auto& note : notes) {
      ASSERT_EQ(walk.step(), ImageStop::none);
      ASSERT_EQ(walk.note().place, note.place);
      ++frames;
    }
    ASSERT_EQ(walk.step(), ImageStop::end_of_image);
  }
  EXPECT_GT(frames, 3000u);
}

}  // namespace
}  // namespace ringmain::segment
