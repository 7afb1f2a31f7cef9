// Claim, publish, read: the log without accidents.
#include "fixture.hpp"

namespace ringmain::log {
namespace {

class AppendTest : public LogTest {};

TEST_F(AppendTest, a_published_record_is_read_with_its_offset) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "hello"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"0:hello"});
  EXPECT_EQ(reader.next(), ReadOutcome::empty);
}

TEST_F(AppendTest, a_claim_is_not_readable_before_it_is_published) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(64, 1, claim), ClaimOutcome::ok);
  const std::uint32_t size = place(claim.at, claim.offset, "late");
  EXPECT_EQ(read_all(reader), Strings{});
  EXPECT_FALSE(reader.ready());
  appender.publish(claim, size);
  EXPECT_TRUE(reader.ready());
  EXPECT_EQ(read_all(reader), Strings{"0:late"});
}

TEST_F(AppendTest, two_producers_share_dense_offsets) {
  memory.prepare(0);
  Claim first;
  ASSERT_EQ(appender.claim(64, 1, first), ClaimOutcome::ok);
  ASSERT_EQ(append(other, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{});  // offset 0 is not there yet
  appender.publish(first, place(first.at, first.offset, "a"));
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b"}));
}

TEST_F(AppendTest, an_empty_body_is_a_record) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, ""), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"0:"});
}

TEST_F(AppendTest, a_full_segment_rolls_to_the_prepared_one) {
  memory.prepare(0);
  memory.prepare(1);
  Strings expected;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
    expected.push_back(std::to_string(i) + ":" + kLargest);
  }
  EXPECT_EQ(view.control().active.load(), 1u);
  EXPECT_EQ(view.segment_in(1).base_offset.load(), 3u);
  EXPECT_EQ(read_all(reader), expected);
  EXPECT_EQ(reader.segment(), 1u);
}

TEST_F(AppendTest, the_largest_frame_is_a_quarter_of_a_segment) {
  memory.prepare(0);
  EXPECT_EQ(view.geometry().max_frame_bytes(), kSlotBytes / 4);
  EXPECT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"0:" + kLargest});
}

TEST_F(AppendTest, the_final_word_says_where_a_segment_ends) {
  memory.prepare(0);
  memory.prepare(1);
  ASSERT_EQ(append(appender, "small"), ClaimOutcome::ok);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  const format::Tail end = format::unpack_final(view.segment_in(0).final.load());
  EXPECT_EQ(end.units, 8u + 2 + 16);
  EXPECT_EQ(end.count, 3u);
}

TEST_F(AppendTest, what_is_left_of_a_claim_becomes_filler) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(128, 3, claim), ClaimOutcome::ok);
  Writer::write_fields(claim.at + 64, Writer::filler(claim.offset + 1, 2, appender.owner()));
  Writer::place_inside(claim.at + 64, 64, claim.tag);
  appender.publish(claim, place(claim.at, claim.offset, "used"));
  ASSERT_EQ(append(appender, "next"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:used", "3:next"}));
}

TEST_F(AppendTest, a_claim_given_up_leaves_void_offsets) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(64, 2, claim), ClaimOutcome::ok);
  Writer::write_fields(claim.at, Writer::filler(claim.offset, 2, appender.owner()));
  appender.publish(claim, claim.bytes);
  ASSERT_EQ(append(appender, "next"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"2:next"});
}

TEST_F(AppendTest, several_frames_of_one_claim_appear_at_once) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(192, 3, claim), ClaimOutcome::ok);
  for (std::uint32_t i = 2; i > 0; --i)
    Writer::place_inside(
        claim.at + 64 * i,
        place(claim.at + 64 * i, claim.offset + i, std::string(1, static_cast<char>('a' + i))),
        claim.tag);
  const std::uint32_t size = place(claim.at, claim.offset, "a");
  EXPECT_EQ(read_all(reader), Strings{});
  appender.publish(claim, size);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b", "2:c"}));
}

TEST_F(AppendTest, a_batch_takes_as_many_offsets_as_it_has_records) {
  memory.prepare(0);
  Claim claim;
  ASSERT_EQ(appender.claim(64, 10, claim), ClaimOutcome::ok);
  Writer::write_fields(claim.at, {claim.offset, 10, format::FrameType::batch, 0, 0});
  appender.publish(claim, 64);
  ASSERT_EQ(append(appender, "after"), ClaimOutcome::ok);
  ASSERT_EQ(reader.next(), ReadOutcome::rolled);
  ASSERT_EQ(reader.next(), ReadOutcome::record);
  EXPECT_EQ(reader.frame().type, static_cast<std::uint8_t>(format::FrameType::batch));
  EXPECT_EQ(reader.next_offset(), 10u);
  EXPECT_EQ(read_all(reader), Strings{"10:after"});
}

TEST_F(AppendTest, nothing_prepared_is_no_memory_until_the_broker_prepares) {
  memory.prepare(0);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  bell.rings = 0;
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::no_memory);
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::no_memory);
  EXPECT_EQ(bell.rings, 2);
  memory.prepare(1);
  EXPECT_EQ(append(appender, "y"), ClaimOutcome::ok);
  EXPECT_EQ(reader.seek_end(), SeekOutcome::ok);
  EXPECT_EQ(reader.next_offset(), 4u);
}

TEST_F(AppendTest, a_deleted_partition_takes_no_claims) {
  memory.prepare(0);
  view.control().state.store(static_cast<std::uint32_t>(format::PartitionState::deleted));
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::deleted);
}

TEST_F(AppendTest, the_broker_is_rung_when_half_of_the_prepared_memory_is_used_and_only_once) {
  memory.prepare(0, 512);  // 16 units: half is the segment's header
  EXPECT_EQ(append(appender, "12345678"), ClaimOutcome::ok);  // units 8 and 9
  EXPECT_EQ(bell.rings, 1);
  EXPECT_EQ(append(appender, "12345678"), ClaimOutcome::ok);
  EXPECT_EQ(bell.rings, 1);
  EXPECT_EQ(append(appender, kLargest), ClaimOutcome::no_memory);
  EXPECT_EQ(bell.rings, 2);
  recycler.grow(0, kSlotBytes);
  EXPECT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  EXPECT_EQ(bell.rings, 2);
}

TEST_F(AppendTest, whole_slots_ring_nobody_until_the_roll) {
  memory.prepare(0);
  memory.prepare(1);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  EXPECT_EQ(bell.rings, 0);
  ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  EXPECT_EQ(bell.rings, 1);
}

// A claim that passed its check while others were faster lies beyond the prepared memory.
class PendingClaimTest : public LogTest {
 protected:
  void SetUp() override {
    memory.prepare(0, 512);
    Claim claim;
    ASSERT_EQ(appender.claim(32, 1, claim), ClaimOutcome::ok);  // the cursor knows 16 units
    appender.publish(claim, place(claim.at, claim.offset, ""));
    SetUpPending();
  }
  void SetUpPending() {
    // `other` looked when there was room; by hand, since it takes a thread to be too late.
    const format::Tail old = add_to_tail(0, 8, 1);
    leave_intent(1, {format::IntentState::abandoned, static_cast<std::uint32_t>(old.units), 0}, 8,
                 1, old.count);
  }
};

TEST_F(PendingClaimTest, an_abandoned_claim_waits_for_memory_and_becomes_filler) {
  EXPECT_EQ(repairer.repair_abandoned(1), RepairOutcome::needs_memory);
  recycler.grow(0, kSlotBytes);
  EXPECT_EQ(repairer.repair_abandoned(1), RepairOutcome::done);
  EXPECT_EQ(view.intent(1).word.load(), 0u);
  EXPECT_EQ(append(appender, "after"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:", "2:after"}));
}

TEST_F(PendingClaimTest, an_abandoned_claim_keeps_its_slot) {
  memory.prepare(1);
  recycler.retire_below(1);
  EXPECT_EQ(recycler.holder(0).hold, Hold::producer);
  EXPECT_EQ(recycler.holder(0).index, 1u);
}

// ---- wake-ups ---------------------------------------------------------------------------------

TEST_F(AppendTest, a_marked_reader_is_rung_once_after_a_publish) {
  memory.prepare(0);
  view.readers().lines[0].participant.store(7);
  Waker waker(view);
  waker.after_publish();
  EXPECT_EQ(view.doorbells()[7].rings.load(), 0u);
  Waker::mark(view, 0);
  waker.after_publish();
  waker.after_publish();
  EXPECT_EQ(view.doorbells()[7].rings.load(), 1u);
}

TEST_F(AppendTest, a_mark_without_a_participant_wakes_nobody) {
  memory.prepare(0);
  Waker::mark(view, 200);
  Waker(view).after_publish();
  EXPECT_EQ(view.readers().sleeping[3].load(), 0u);
}

TEST_F(AppendTest, an_unmarked_reader_is_not_rung) {
  memory.prepare(0);
  view.readers().lines[0].participant.store(7);
  Waker::mark(view, 0);
  Waker::unmark(view, 0);
  Waker(view).after_publish();
  EXPECT_EQ(view.doorbells()[7].rings.load(), 0u);
}

TEST_F(AppendTest, a_tail_that_was_written_over_does_not_pass_for_one_that_waits_for_memory) {
  memory.prepare(0, 512);
  ASSERT_EQ(append(appender, "before"), ClaimOutcome::ok);
  view.segment_in(0).tail.store(format::pack_tail({20, 1, format::generation_of(0) + 1}));
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::deleted);
}

TEST_F(AppendTest, a_tail_that_was_written_over_is_refused_and_nothing_is_written_there) {
  memory.prepare(0);
  ASSERT_EQ(append(appender, "before"), ClaimOutcome::ok);
  auto& header = view.segment_in(0);
  const std::uint64_t sound = header.tail.load();
  const std::uint64_t generation = format::generation_of(0);
  for (const std::uint64_t word : {format::pack_tail({12, 1, generation + 1}), format::pack_tail({0, 0, generation}),
                                   format::pack_tail({7, 1, generation}),
                                   format::pack_tail({5000, 1, generation + 1})}) {
    header.tail.store(word);
    EXPECT_EQ(append(appender, "x"), ClaimOutcome::deleted);
    EXPECT_EQ(header.magic, format::kSegmentMagic);
    EXPECT_EQ(header.prepared_bytes.load(), kSlotBytes);
    EXPECT_EQ(view.intent(0).word.load(), 0u) << "it claims nothing there";
  }
  header.tail.store(sound);
  EXPECT_EQ(append(appender, "after"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:before", "1:after"}));
}

}  // namespace
}  // namespace ringmain::log
