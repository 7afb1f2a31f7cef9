// What a dead producer leaves, state by state; the exclusive producer's successor.
#include "fixture.hpp"

namespace ringmain::log {
namespace {

using format::IntentState;

class RepairerTest : public LogTest {
 protected:
  void SetUp() override { memory.prepare(0); }
  // `other` dies right after its claim: between the add and the word "claimed", or after it.
  Claim claimed_and_dead(std::uint32_t bytes, std::uint32_t records) {
    Claim claim;
    EXPECT_EQ(other.claim(bytes, records, claim), ClaimOutcome::ok);
    return claim;
  }
};

TEST_F(RepairerTest, an_idle_producer_leaves_nothing) {
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(append(appender, "a"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"0:a"});
}

TEST_F(RepairerTest, a_claim_that_was_not_published_becomes_filler) {
  claimed_and_dead(128, 3);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{});
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(view.intent(1).word.load(), 0u);
  EXPECT_EQ(read_all(reader), Strings{"3:b"});
}

TEST_F(RepairerTest, a_published_claim_stays_as_it_is) {
  const Claim claim = claimed_and_dead(64, 1);
  other.publish(claim, place(claim.at, claim.offset, "mine"));
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(read_all(reader), Strings{"0:mine"});
}

TEST_F(RepairerTest, frames_placed_inside_an_unpublished_claim_go_with_it) {
  const Claim claim = claimed_and_dead(128, 2);
  Writer::place_inside(claim.at + 64, place(claim.at + 64, claim.offset + 1, "inner"), claim.tag);
  ASSERT_EQ(append(appender, "after"), ClaimOutcome::ok);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(read_all(reader), Strings{"2:after"});
}

TEST_F(RepairerTest, an_intent_without_a_claim_needs_no_filler) {
  leave_intent(1, {IntentState::about, 0, 0}, 2, 1);
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b"}));
}

TEST_F(RepairerTest, a_claim_that_no_intent_names_is_found_as_a_gap) {
  ASSERT_EQ(append(appender, "a"), ClaimOutcome::ok);
  add_to_tail(0, 4, 2);
  leave_intent(1, {IntentState::about, 0, 0}, 4, 2);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "3:b"}));
}

TEST_F(RepairerTest, a_gap_at_the_tail_ends_with_the_tail) {
  add_to_tail(0, 4, 2);
  leave_intent(1, {IntentState::about, 0, 0}, 4, 2);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"2:b"});
}

TEST_F(RepairerTest, the_claim_of_a_living_producer_is_not_touched) {
  Claim living;
  ASSERT_EQ(appender.claim(64, 1, living), ClaimOutcome::ok);
  add_to_tail(0, 4, 2);
  leave_intent(1, {IntentState::about, 0, 0}, 4, 2);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_FALSE(format::is_published(frame_at(0, 8).commit.load(), living.tag));
  appender.publish(living, place(living.at, living.offset, "alive"));
  ASSERT_EQ(append(appender, "next"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:alive", "3:next"}));
}

TEST_F(RepairerTest, waits_for_a_living_producer_between_intent_and_claim) {
  leave_intent(1, {IntentState::about, 0, 0}, 4, 2);
  leave_intent(2, {IntentState::about, 0, 0}, 4, 2);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::retry);
  EXPECT_NE(view.intent(1).word.load(), 0u);
  view.intent(2).word.store(0);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
}

TEST_F(RepairerTest, does_not_wait_for_a_living_producer_that_waits_for_the_repair) {
  while (!format::is_full(add_to_tail(0, 8, 1), 32)) {
  }
  leave_intent(1, {IntentState::about, 0, 0}, 8, 1);
  leave_intent(2, {IntentState::about, format::kOwnsNothing, 0}, 8, 1);
  EXPECT_EQ(repairer.repair(1, [](std::uint32_t i) { return i == 1; }), RepairOutcome::done);
  EXPECT_NE(view.segment_in(0).final.load(), 0u);
}

TEST_F(RepairerTest, two_dead_producers_are_repaired_one_after_the_other) {
  add_to_tail(0, 4, 2);
  claimed_and_dead(64, 1);  // line 1: claimed
  add_to_tail(0, 3, 1);
  leave_intent(2, {IntentState::about, 0, 0}, 4, 2);
  leave_intent(3, {IntentState::about, 0, 0}, 3, 1);
  ASSERT_EQ(append(appender, "after"), ClaimOutcome::ok);
  for (std::uint32_t line : {2u, 1u, 3u})
    EXPECT_EQ(repairer.repair(line, everybody), RepairOutcome::done);
  EXPECT_EQ(read_all(reader), Strings{"4:after"});
}

TEST_F(RepairerTest, a_full_segment_without_its_final_word_gets_one) {
  memory.prepare(1);
  ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  ASSERT_EQ(append(appender, "small"), ClaimOutcome::ok);
  add_to_tail(0, 8, 1);  // the one that did not fit, dead before it could say so
  leave_intent(1, {IntentState::about, 0, 0}, 8, 1);
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::stalled);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  const format::Tail end = format::unpack_final(view.segment_in(0).final.load());
  EXPECT_EQ(end.units, 8u + 16 + 2);
  EXPECT_EQ(end.count, 3u);
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader).back(), "3:x");
}

TEST_F(RepairerTest, a_claim_at_the_unknown_end_of_a_full_segment_takes_no_offset) {
  memory.prepare(1);
  ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  add_to_tail(0, 8, 2);
  add_to_tail(0, 8, 2);
  add_to_tail(0, 8, 1);
  for (std::uint32_t line : {1u, 2u, 3u}) leave_intent(line, {IntentState::about, 0, 0}, 8, 2);
  EXPECT_EQ(repairer.repair(1, everybody), RepairOutcome::done);
  EXPECT_EQ(repairer.repair(2, everybody), RepairOutcome::done);
  EXPECT_EQ(repairer.repair(3, everybody), RepairOutcome::done);
  EXPECT_EQ(append(appender, "x"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader).back(), "1:x");
}

TEST_F(RepairerTest, an_abandoned_claim_of_a_living_producer_becomes_filler) {
  const format::Tail old = add_to_tail(0, 4, 2);
  leave_intent(1, {IntentState::abandoned, static_cast<std::uint32_t>(old.units), 0}, 4, 2,
               old.count);
  EXPECT_EQ(repairer.repair_abandoned(1), RepairOutcome::done);
  ASSERT_EQ(append(appender, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"2:b"});
}

TEST_F(RepairerTest, a_living_claim_is_not_taken_for_an_abandoned_one) {
  Claim claim;
  ASSERT_EQ(other.claim(64, 1, claim), ClaimOutcome::ok);
  EXPECT_EQ(repairer.repair_abandoned(1), RepairOutcome::done);
  EXPECT_FALSE(format::is_published(frame_at(0, 8).commit.load(), claim.tag));
  EXPECT_NE(view.intent(1).word.load(), 0u);
}

// The published claim of a dead producer: its slot was recycled long before the death.
TEST_F(RepairerTest, an_old_intent_does_not_touch_the_slots_next_segment) {
  memory.prepare(1);
  ASSERT_EQ(append(other, "old"), ClaimOutcome::ok);  // line 1 stays "claimed" at unit 8
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  recycler.retire_below(1);
  ASSERT_EQ(recycler.holder(0).hold, Hold::none);
  memory.prepare(0);  // segment 2
  while (view.control().active.load() < 2) ASSERT_EQ(append(appender, kLargest), ClaimOutcome::ok);
  ASSERT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  EXPECT_EQ(read_all(reader).back().substr(0, 2), "6:");  // nothing of it was filled
  EXPECT_EQ(view.segment_in(0).tail.load(), format::pack_tail({16, 1, 2}));
}

TEST_F(RepairerTest, absurd_intents_are_ignored) {
  for (const std::uint32_t units : {0u, 0xffffffffu, 25u}) {
    leave_intent(1, {IntentState::claimed, 8, 0}, units, 1);
    EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  }
  leave_intent(1, {IntentState::claimed, 8, 12345}, 2, 1);
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
  add_to_tail(0, 2, 1);
  leave_intent(1, {IntentState::about, 0, 0}, 2, 1);
  leave_intent(2, {IntentState::claimed, 8, 0}, 0, 0);  // would never be passed
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
}

TEST_F(RepairerTest, an_absurd_final_word_or_prepared_size_leads_nowhere) {
  add_to_tail(0, 2, 1);
  leave_intent(1, {IntentState::about, 0, 0}, 2, 1);
  view.segment_in(0).prepared_bytes.store(~0ull);
  view.segment_in(0).final.store(format::pack_final((1u << 28) - 1, 3));
  EXPECT_EQ(repairer.repair(1, nobody_else), RepairOutcome::done);
}

// ---- the exclusive producer -------------------------------------------------------------------

class ExclusiveTest : public LogTest {
 protected:
  void SetUp() override {
    memory.prepare(0);
    memory.prepare(1);
  }
  ExclusiveAppender first{view, 0, bell}, successor{view, 1, bell};
};

TEST_F(ExclusiveTest, appends_without_a_tail_word) {
  EXPECT_EQ(append(first, "a"), ClaimOutcome::ok);
  EXPECT_EQ(append(first, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b"}));
  EXPECT_EQ(view.segment_in(0).tail.load(), format::pack_tail({8, 0, 0}));
}

TEST_F(ExclusiveTest, its_successor_starts_behind_the_last_published_frame) {
  EXPECT_EQ(append(first, "a"), ClaimOutcome::ok);
  Claim lost;
  ASSERT_EQ(first.claim(64, 1, lost), ClaimOutcome::ok);
  EXPECT_EQ(append(successor, "b"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b"}));
}

TEST_F(ExclusiveTest, frames_inside_an_unpublished_claim_do_not_come_to_light) {
  Claim lost;
  ASSERT_EQ(first.claim(192, 3, lost), ClaimOutcome::ok);
  for (std::uint32_t i = 1; i < 3; ++i)
    Writer::place_inside(lost.at + 64 * i, place(lost.at + 64 * i, i, "dead"), lost.tag);
  EXPECT_EQ(append(successor, "short"), ClaimOutcome::ok);  // two units, as the first of the three
  EXPECT_EQ(read_all(reader), Strings{"0:short"});
  EXPECT_EQ(append(successor, "next"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"1:next"});
}

TEST_F(ExclusiveTest, a_claim_never_published_simply_never_happened) {
  Claim lost;
  ASSERT_EQ(first.claim(192, 3, lost), ClaimOutcome::ok);
  Writer::place_inside(lost.at + 64, place(lost.at + 64, 1, "dead"), lost.tag);
  EXPECT_EQ(append(first, "short"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader), Strings{"0:short"});
}

TEST_F(ExclusiveTest, a_death_between_final_word_and_roll_leaves_only_the_roll_to_do) {
  EXPECT_EQ(append(first, "a"), ClaimOutcome::ok);
  view.segment_in(0).final.store(format::pack_final(10, 1));
  view.segment_in(1).base_offset.store(1);
  EXPECT_EQ(append(successor, "b"), ClaimOutcome::ok);
  EXPECT_EQ(view.control().active.load(), 1u);
  EXPECT_EQ(read_all(reader), (Strings{"0:a", "1:b"}));
}

TEST_F(ExclusiveTest, a_segment_that_ended_stays_ended_also_for_a_smaller_claim) {
  for (int i = 0; i < 5; ++i) ASSERT_EQ(append(first, kLargest), ClaimOutcome::ok);
  ASSERT_EQ(append(first, "small"), ClaimOutcome::ok);  // segment 1: 8 + 16 + 2 units
  ASSERT_EQ(append(first, kLargest), ClaimOutcome::no_memory);
  const std::uint64_t final = view.segment_in(1).final.load();
  EXPECT_EQ(append(first, "small"), ClaimOutcome::no_memory);
  EXPECT_EQ(view.segment_in(1).final.load(), final);
  memory.prepare(2);
  EXPECT_EQ(append(first, "small"), ClaimOutcome::ok);
  EXPECT_EQ(read_all(reader).back(), "6:small");
}

TEST_F(ExclusiveTest, a_segment_takes_no_more_records_than_its_final_word_can_count) {
  Claim claim;
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < 12; ++i) {
    ASSERT_EQ(first.claim(32, format::kMaxClaimRecords, claim), ClaimOutcome::ok);
    Writer::write_fields(claim.at,
                         {claim.offset, format::kMaxClaimRecords, format::FrameType::batch, 0, 0});
    first.publish(claim, 32);
    last = claim.offset + claim.records;
  }
  ASSERT_EQ(reader.seek_end(), SeekOutcome::ok);
  EXPECT_EQ(reader.next_offset(), last);
}

// Many tiny batches of many records: the count would overflow long before the bytes do.
TEST(ExclusiveCountTest, a_large_segment_rolls_before_its_count_overflows) {
  test::LogFixture<SharedMemory> memory(2, 64 * 1024);
  memory.prepare(0);
  memory.prepare(1);
  test::CountingBell bell;
  ExclusiveAppender appender(memory.view(), 0, bell);
  for (std::uint32_t i = 0; i < format::kMaxSegmentRecords / format::kMaxClaimRecords + 1; ++i) {
    Claim claim;
    ASSERT_EQ(appender.claim(32, format::kMaxClaimRecords, claim), ClaimOutcome::ok);
    Writer::write_fields(claim.at,
                         {claim.offset, format::kMaxClaimRecords, format::FrameType::batch, 0, 0});
    appender.publish(claim, 32);
  }
  EXPECT_EQ(memory.view().control().active.load(), 1u);
  EXPECT_EQ(memory.view().segment_in(1).base_offset.load(), format::kMaxSegmentRecords);
}

}  // namespace
}  // namespace ringmain::log
