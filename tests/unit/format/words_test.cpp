// The arithmetic of the shared words: tails, final words, intents, directory entries, commit words.
#include <gtest/gtest.h>

#include "format/partition.hpp"

namespace ringmain::format {
namespace {

TEST(TailWord, gives_back_what_was_packed_at_every_bound) {
  for (const std::uint64_t units : {0ull, 8ull, (1ull << kUnitsBits) - 1})
    for (const std::uint64_t count : {0ull, 1ull, (1ull << kCountBits) - 1})
      for (const std::uint64_t generation : {0ull, (1ull << kGenerationBits) - 1}) {
        const Tail tail = unpack_tail(pack_tail({units, count, generation}));
        EXPECT_EQ(tail.units, units);
        EXPECT_EQ(tail.count, count);
        EXPECT_EQ(tail.generation, generation);
      }
}

TEST(TailWord, keeps_its_generation_when_every_producer_overshoots_a_full_segment) {
  const std::uint64_t capacity = kMaxSlotBytes / kFrameAlignment;
  std::uint64_t word = pack_tail({capacity, kMaxSegmentRecords, 0x155});
  for (std::uint32_t producer = 0; producer < kMaxProducers; ++producer)
    word += pack_tail({capacity / 4, kMaxClaimRecords, 0});
  EXPECT_EQ(unpack_tail(word).generation, 0x155u);
  EXPECT_TRUE(is_full(unpack_tail(word), capacity));
}

TEST(TailWord, a_segment_that_is_filled_exactly_is_not_full_yet) {
  EXPECT_FALSE(is_full({100, kMaxSegmentRecords, 0}, 100));
  EXPECT_TRUE(is_full({101, 0, 0}, 100));
  EXPECT_TRUE(is_full({100, kMaxSegmentRecords + 1, 0}, 100));
}

TEST(FinalWord, is_never_zero_once_known) {
  EXPECT_NE(pack_final(0, 0), 0u);
  const Tail end = unpack_final(pack_final((1ull << kUnitsBits) - 1, (1ull << kCountBits) - 1));
  EXPECT_EQ(end.units, (1ull << kUnitsBits) - 1);
  EXPECT_EQ(end.count, (1ull << kCountBits) - 1);
}

TEST(IntentWord, gives_back_what_was_packed) {
  for (const IntentState state : {IntentState::about, IntentState::claimed, IntentState::abandoned})
    for (const std::uint32_t position : {0u, 8u, kOwnsNothing})
      for (const std::uint64_t segment : {std::uint64_t{0}, std::uint64_t{1}, kIntentSegmentMask}) {
        const Intent intent = unpack_intent(pack_intent({state, position, segment}));
        EXPECT_EQ(intent.state, state);
        EXPECT_EQ(intent.position_units, position);
        EXPECT_EQ(intent.segment, segment);
      }
}

TEST(IntentWord, of_a_later_segment_keeps_the_low_bits) {
  EXPECT_EQ(unpack_intent(pack_intent({IntentState::claimed, 1, (1ull << 40) + 5})).segment, 5u);
}

TEST(IntentWord, idle_is_zero) { EXPECT_EQ(pack_intent({}), 0u); }

TEST(IntentWord, no_claim_stands_where_owns_nothing_stands) {
  EXPECT_GT(kOwnsNothing, kMaxSlotBytes / kFrameAlignment);
}

TEST(CommitWord, counts_only_with_the_segments_tag_and_a_whole_header) {
  EXPECT_TRUE(is_published(commit_word(32, 7), 7));
  EXPECT_TRUE(is_published(commit_word(0x7fffffff, 7), 7));
  EXPECT_FALSE(is_published(commit_word(31, 7), 7));
  EXPECT_FALSE(is_published(commit_word(0, 7), 7));
  EXPECT_FALSE(is_published(commit_word(-32, 7), 7));
  EXPECT_FALSE(is_published(commit_word(32, 8), 7));
  EXPECT_TRUE(is_in_progress(commit_word(-32, 7), 7));
  EXPECT_FALSE(is_in_progress(commit_word(-32, 8), 7));
}

TEST(PartitionFile, has_its_parts_one_behind_the_other) {
  for (const std::uint32_t slots : {kMinSlots, 7u, 8u, 9u, 1000u, kMaxSlots}) {
    const std::uint32_t directory = directory_size_for(slots);
    EXPECT_EQ(directory & (directory - 1), 0u) << "a power of two";
    EXPECT_GE(directory, 2 * slots);
    EXPECT_GE(slots_at_for(slots), kDirectoryAt + 8ull * directory);
    EXPECT_EQ(slots_at_for(slots) % kPageBytes, 0u);
    EXPECT_EQ(partition_file_bytes(slots, kMinSlotBytes), slots_at_for(slots) + slots * kMinSlotBytes);
  }
  EXPECT_LT(pack_directory(0, kMaxSlots - 1), 1u << 16) << "the slot does not touch the segment's bits";
}

}  // namespace
}  // namespace ringmain::format
