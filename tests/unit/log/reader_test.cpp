// Seeks, losses, and bytes that break the format.
#include "fixture.hpp"

namespace ringmain::log {
namespace {

class ReaderTest : public LogTest {
 protected:
  // Segments 0 and 1 of three records each, and one record in segment 2.
  void three_segments() {
    for (std::uint32_t slot = 0; slot < 3; ++slot) memory.prepare(slot);
    for (int i = 0; i < 7; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  }
  void batch(std::uint32_t records) {
    Claim claim;
    ASSERT_EQ(appender.claim(64, records, claim), ClaimOutcome::ok);
    Writer::write_fields(claim.at, {claim.offset, records, format::FrameType::batch, 0, 0});
    appender.publish(claim, 64);
  }
};

TEST_F(ReaderTest, seeks_to_an_offset_in_any_segment) {
  three_segments();
  for (std::uint64_t offset = 0; offset < 7; ++offset) {
    ASSERT_EQ(reader.seek(offset), SeekOutcome::ok) << offset;
    ASSERT_EQ(reader.next(), ReadOutcome::record);
    EXPECT_EQ(reader.offset(), offset);
    EXPECT_EQ(reader.segment(), offset / 3);
  }
}

TEST_F(ReaderTest, seeks_to_the_start_and_the_end) {
  three_segments();
  ASSERT_EQ(reader.seek_end(), SeekOutcome::ok);
  EXPECT_EQ(reader.next_offset(), 7u);
  EXPECT_EQ(reader.next(), ReadOutcome::empty);
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  EXPECT_EQ(reader.next_offset(), 0u);
  EXPECT_EQ(read_all(reader).size(), 7u);
}

TEST_F(ReaderTest, the_end_of_the_log_is_a_place_to_seek_and_what_lies_beyond_is_not) {
  three_segments();
  EXPECT_EQ(reader.seek(7), SeekOutcome::ok);
  EXPECT_EQ(reader.next(), ReadOutcome::empty);
  EXPECT_EQ(reader.seek(8), SeekOutcome::beyond_end);
}

TEST_F(ReaderTest, an_offset_inside_a_batch_leads_to_the_batch) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  batch(5);
  EXPECT_EQ(reader.seek(3), SeekOutcome::ok);
  ASSERT_EQ(reader.next(), ReadOutcome::record);
  EXPECT_EQ(reader.offset(), 1u);
  EXPECT_EQ(reader.next_offset(), 6u);
}

TEST_F(ReaderTest, a_void_offset_leads_to_the_record_after_it) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(64, 3, claim), ClaimOutcome::ok);
  Writer::write_fields(claim.at, Writer::filler(0, 3, 0));
  appender.publish(claim, 64);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(reader.seek(1), SeekOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"3:b"});
}

TEST_F(ReaderTest, an_offset_that_the_log_dropped_is_before_its_start) {
  three_segments();
  recycler.retire_below(1);
  EXPECT_EQ(reader.seek(1), SeekOutcome::before_start);
  EXPECT_EQ(reader.next_offset(), 3u);
}

// As the memory of the machine, and it keeps where the pin was each time that it had to be seen.
struct WatchedMemory : SharedMemory {
  static void light_barrier(bool) noexcept { pins.push_back(watched->load()); }
  static inline std::vector<std::uint64_t> pins;
  static inline const std::atomic<std::uint64_t>* watched = nullptr;
};

TEST(ReaderPin, of_one_that_holds_all_says_so_wherever_it_goes) {
  test::LogFixture<WatchedMemory> memory;
  const auto& view = memory.view();
  WatchedMemory::watched = &view.readers().lines[0].pin;
  test::CountingBell bell;
  BasicSharedAppender<WatchedMemory> appender(view, 0, bell);
  for (std::uint32_t slot = 0; slot < 4; ++slot) memory.prepare(slot);
  for (int i = 0; i < 10; ++i) {
    Claim claim;
    ASSERT_EQ(appender.claim(8 * 32, 1, claim), ClaimOutcome::ok);
    FrameWriter<WatchedMemory>::write_fields(claim.at, {claim.offset, 0, format::FrameType::record, 0, 0});
    appender.publish(claim, 8 * 32);
  }
  BasicReader<WatchedMemory> reader(view, 0);
  reader.hold();
  EXPECT_EQ(WatchedMemory::watched->load(), 0u) << "it pins nothing";
  for (const std::uint64_t offset : {11, 4, 0, 10, 3, 1000, 9, 5}) {
    WatchedMemory::pins.clear();
    reader.hold();
    ASSERT_EQ(reader.seek(offset), offset <= 10 ? SeekOutcome::ok : SeekOutcome::beyond_end);
    EXPECT_FALSE(WatchedMemory::pins.empty());
    for (const std::uint64_t pin : WatchedMemory::pins) EXPECT_NE(pin & format::kHoldsAll, 0u) << offset;
    EXPECT_EQ(WatchedMemory::watched->load(), format::kHoldsAll | (reader.segment() + 1));
    reader.release();
    EXPECT_EQ(WatchedMemory::watched->load(), std::min<std::uint64_t>(offset, 10) / 3 + 1);
  }
}

TEST_F(ReaderTest, is_told_how_many_records_it_missed) {
  for (std::uint32_t slot = 0; slot < 3; ++slot) memory.prepare(slot);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader).size(), 3u);
  for (int i = 0; i < 4; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  recycler.retire_below(2);
  EXPECT_EQ(recycler.holder(0).hold, Hold::reader);
  EXPECT_EQ(recycler.holder(1).hold, Hold::none);
  memory.prepare(1);  // segment 3 takes the slot of segment 1
  EXPECT_EQ(reader.next(), ReadOutcome::lost);
  EXPECT_EQ(reader.take_lost(), 3u);
  EXPECT_EQ(reader.take_lost(), 0u);
  EXPECT_EQ(read_all(reader), Strings{"6:" + kLargest});
  EXPECT_EQ(recycler.holder(0).hold, Hold::none);
}

TEST_F(ReaderTest, views_stay_valid_while_the_reader_stays_in_a_dropped_segment) {
  three_segments();
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  ASSERT_EQ(reader.next(), ReadOutcome::record);
  const std::string_view body = body_of(reader);
  recycler.retire_below(2);
  EXPECT_EQ(recycler.holder(0).hold, Hold::reader);
  EXPECT_EQ(body, kLargest);
  EXPECT_EQ(reader.next(), ReadOutcome::record);
  EXPECT_EQ(reader.offset(), 1u);
}

TEST_F(ReaderTest, the_directory_keeps_a_held_segment_however_far_the_log_goes_on) {
  for (std::uint32_t slot = 0; slot < 2; ++slot) memory.prepare(slot);
  ASSERT_EQ(append(appender, "first"), ClaimOutcome::ok);
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  const std::uint64_t segments = 3 * view.geometry().directory_size;
  for (std::uint64_t segment = 2; segment < segments; ++segment) {
    while (view.control().active.load() < segment - 1)
      ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
    recycler.retire_below(segment - 1);
    memory.prepare(1 + static_cast<std::uint32_t>(segment) % 3);  // slot 0 is pinned
    ASSERT_EQ(view.find(0), 0u);
    ASSERT_TRUE(view.find(segment));
    ASSERT_TRUE(view.find(segment - 1));
  }
  EXPECT_EQ(recycler.holder(0).hold, Hold::reader);
  ASSERT_EQ(reader.next(), ReadOutcome::record);
  EXPECT_EQ(body_of(reader), "first");
}

TEST_F(ReaderTest, a_slot_used_again_no_longer_answers_for_its_old_segment) {
  memory.prepare(0);
  memory.prepare(1);
  recycler.retire_below(0);
  memory.prepare(0);
  EXPECT_FALSE(view.find(0));
  EXPECT_EQ(view.find(2), 0u);
}

TEST_F(ReaderTest, does_not_call_itself_ready_for_a_gap_in_an_older_segment) {
  memory.prepare(0);
  memory.prepare(1);
  Claim claim;
  ASSERT_EQ(other.claim(64, 1, claim), ClaimOutcome::ok);
  for (int i = 0; i < 4; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  ASSERT_EQ(view.control().active.load(), 1u);
  EXPECT_EQ(read_all(reader), Strings{});
  EXPECT_FALSE(reader.ready());
  other.publish(claim, place(claim.at, claim.offset, "now"));
  EXPECT_TRUE(reader.ready());
}

// ---- bytes that break the format --------------------------------------------------------------

TEST_F(ReaderTest, a_frame_beyond_the_end_of_its_segment_is_corrupt) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  frame_at(0, 8).commit.store(format::commit_word(1 << 20, view.segment_in(0).tag));
  EXPECT_EQ(read_all(reader), Strings{"other"});
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
}

TEST_F(ReaderTest, the_largest_size_that_a_commit_word_can_say_is_corrupt) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  frame_at(0, 8).commit.store(format::commit_word(0x7fffffff, view.segment_in(0).tag));
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
}

TEST_F(ReaderTest, an_unknown_frame_type_is_corrupt) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  frame_at(0, 8).type = 9;
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
}

TEST_F(ReaderTest, an_absurd_number_of_offsets_is_corrupt) {
  memory.prepare(0);
  batch(3);
  for (const std::int64_t extent : {std::int64_t{-1}, std::int64_t{1} << 40}) {
    frame_at(0, 8).extent.store(extent);
    ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
    EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
  }
}

TEST_F(ReaderTest, a_corrupt_frame_keeps_the_reader_where_it_is) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  frame_at(0, 8).type = 9;
  ASSERT_EQ(reader.seek_start(), SeekOutcome::ok);
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
  EXPECT_EQ(reader.next_offset(), 0u);
}

TEST_F(ReaderTest, a_frame_with_another_offset_or_tag_is_not_there_yet) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  frame_at(0, 8).offset.store(5);
  EXPECT_EQ(read_all(reader), Strings{});
  frame_at(0, 8).offset.store(0);
  frame_at(0, 8).commit.store(format::commit_word(33, view.segment_in(0).tag + 1));
  EXPECT_EQ(read_all(reader), Strings{});
}

TEST_F(ReaderTest, a_directory_without_the_segment_is_corrupt_and_no_endless_search) {
  memory.prepare(0);
  view.directory(0).store(0);
  EXPECT_EQ(reader.seek_end(), SeekOutcome::corrupt);
  EXPECT_EQ(reader.seek_start(), SeekOutcome::corrupt);
  EXPECT_EQ(reader.seek(0), SeekOutcome::corrupt);
  EXPECT_EQ(reader.next(), ReadOutcome::corrupt);
}

TEST_F(ReaderTest, a_directory_that_names_a_slot_beyond_the_file_is_corrupt) {
  memory.prepare(0);
  view.directory(0).store(format::pack_directory(0, 4000));
  EXPECT_EQ(reader.seek_end(), SeekOutcome::corrupt);
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::deleted);
}

TEST_F(ReaderTest, a_slot_of_another_segment_is_corrupt) {
  memory.prepare(0);
  view.segment_in(0).sequence = 77;
  EXPECT_EQ(reader.seek_start(), SeekOutcome::corrupt);
}

}  // namespace
}  // namespace ringmain::log
