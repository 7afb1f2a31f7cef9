// Where the provable records of a disk image end, and whether that is the end or damage.
#include "segment/prove.hpp"

#include <gmock/gmock.h>

#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;

// A record with padding, a filler, a batch, and a record that fills its units.
class ProveTest : public ::testing::Test {
 protected:
  ProveTest() {
    hot.record("one", 10);
    hot.filler(96, 2);
    hot.batch(1, 2, 3);
    hot.record(std::string(32, 'z'), 20);
  }
  std::size_t end_bytes() const { return hot.end().units * std::size_t{32}; }

  // Of the image that is byte for byte as it should be.
  std::vector<FrameNote> frames() const {
    std::vector<FrameNote> notes;
    disk_image(hot, Closing::open, &notes);
    return notes;
  }
  // The frame that a byte belongs to; nullptr if it is padding.
  const FrameNote* owner_of(const std::vector<FrameNote>& notes, std::size_t at) const {
    for (const auto& note : notes)
      if (at >= note.place.units * 32u && at < note.place.units * 32u + note.size) return &note;
    return nullptr;
  }

  HotSegment hot;
};

TEST_F(ProveTest, all_of_a_sound_image) {
  const Bytes image = disk_image(hot, Closing::open);
  const Proof proof = prove(image, head_in(image));
  EXPECT_EQ(proof.end, hot.end());
  EXPECT_EQ(proof.stop, ImageStop::end_of_data);
  EXPECT_EQ(proof.times, (TimeRange{10, 2'000'000}));
  EXPECT_FALSE(proof.beyond);
  EXPECT_EQ(judge(head_in(image), proof, {}), Verdict::clean_end);
}

TEST_F(ProveTest, a_complete_segment_ends_where_its_head_says) {
  Bytes image = disk_image(hot, Closing::complete);
  std::fill(image.begin() + static_cast<std::ptrdiff_t>(end_bytes()), image.end(), std::byte{0xab});
  const Proof proof = prove(image, head_in(image));
  EXPECT_EQ(proof.end, hot.end());
  EXPECT_EQ(proof.stop, ImageStop::end_of_image);
  EXPECT_EQ(judge(head_in(image), proof, {}), Verdict::clean_end);
}

TEST_F(ProveTest, goes_on_from_a_frame_that_is_known) {
  const Bytes image = disk_image(hot, Closing::open);
  std::size_t count = 0;
  const Proof proof =
      prove(image, head_in(image), frames()[2].place, [&](const FrameNote&) { ++count; });
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(proof.end, hot.end());
  EXPECT_EQ(prove(image, head_in(image), {5000, 0}).stop, ImageStop::end_of_image);
}

TEST_F(ProveTest, each_flipped_bit_of_what_was_durable_is_noticed_or_is_padding) {
  Bytes image = disk_image(hot, Closing::complete);
  const auto head = head_in(image);
  const auto notes = frames();
  std::size_t noticed = 0, harmless = 0;
  for (std::size_t at = format::kSegmentHeaderBytes; at < end_bytes(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      flip(image, at, bit);
      const Proof proof = prove(image, head);
      if (const FrameNote* owner = owner_of(notes, at)) {
        ASSERT_EQ(judge(head, proof, {}), Verdict::damaged) << "byte " << at << " bit " << bit;
        ASSERT_EQ(proof.end, owner->place) << "byte " << at << " bit " << bit;
        ++noticed;
      } else {
        ASSERT_EQ(judge(head, proof, {}), Verdict::clean_end) << "byte " << at << " bit " << bit;
        ++harmless;
      }
      flip(image, at, bit);
    }
  EXPECT_EQ(noticed, 8u * (35 + 96 + 32 + 81 + 64));
  EXPECT_EQ(noticed + harmless, 8u * (end_bytes() - format::kSegmentHeaderBytes));
}

TEST_F(ProveTest, a_flip_behind_what_is_proved_stops_there_and_finds_the_frames_behind_it) {
  Bytes image = disk_image(hot, Closing::open);
  const auto head = head_in(image);
  const auto notes = frames();
  for (std::size_t at = format::kSegmentHeaderBytes; at < end_bytes(); ++at) {
    const FrameNote* owner = owner_of(notes, at);
    if (owner == nullptr) continue;
    flip(image, at);
    const Proof proof = prove(image, head);
    ASSERT_EQ(proof.end, owner->place);
    ASSERT_EQ(proof.beyond.has_value(), owner != &notes.back()) << at;
    if (proof.beyond) {
      ASSERT_EQ(proof.beyond->first, (owner + 1)->place);
      ASSERT_EQ(proof.beyond->end_units, hot.end().units);
      ASSERT_FALSE(proof.beyond->cut_short);
    }
    flip(image, at);
  }
}

TEST_F(ProveTest, a_cut_at_each_byte_is_noticed) {
  const Bytes image = disk_image(hot, Closing::complete);
  const Bytes open = disk_image(hot, Closing::open);
  for (std::size_t size = format::kSegmentHeaderBytes; size < end_bytes(); ++size) {
    const std::span<const std::byte> cut = std::span(image).first(size);
    const Proof proof = prove(cut, head_in(image));
    ASSERT_EQ(judge(head_in(image), proof, {}), Verdict::damaged) << size;
    // Without a proof in the head, the whole frames that are left are the log.
    const Proof tail = prove(cut, head_in(open));
    ASSERT_LE(tail.end.units * 32u, format::align_frame(static_cast<std::uint32_t>(size)));
    ASSERT_NE(judge(head_in(open), tail, {}), Verdict::damaged) << size;
    ASSERT_EQ(judge(head_in(open), tail, {tail.end.units + 1, 0}), Verdict::damaged)
        << "the caller knows better";
  }
}

TEST_F(ProveTest, a_tail_torn_at_each_sector_is_cut_there) {
  HotSegment segment;
  for (int i = 0; i < 40; ++i) segment.record(std::string(100, 'r'));
  const Bytes whole = disk_image(segment, Closing::open);
  for (std::size_t sector = 1; sector * 512 < segment.end().units * 32u; ++sector) {
    Bytes image = whole;
    std::fill(image.begin() + static_cast<std::ptrdiff_t>(sector * 512), image.end(), std::byte{0});
    const Proof proof = prove(image, head_in(image));
    ASSERT_LE(proof.end.units * 32u, sector * 512);
    ASSERT_FALSE(proof.beyond);
    ASSERT_NE(judge(head_in(image), proof, {}), Verdict::damaged);
  }
}

TEST_F(ProveTest, a_hole_in_what_was_in_flight_is_a_torn_tail_and_one_further_back_is_damage) {
  HotSegment segment;
  for (int i = 0; i < 40; ++i) segment.record(std::string(100, 'r'));
  Bytes image = disk_image(segment, Closing::open);
  std::fill(image.begin() + 1024, image.begin() + 1536,
            std::byte{0});  // one sector did not get through
  const Proof proof = prove(image, head_in(image));
  ASSERT_TRUE(proof.beyond);
  EXPECT_EQ(proof.beyond->end_units, segment.end().units);
  const std::uint64_t ahead_bytes = (segment.end().units - proof.end.units) * 32u;
  const std::uint32_t durable = proof.end.units;
  EXPECT_EQ(judge(head_in(image), proof, {durable, ahead_bytes}), Verdict::torn_tail);
  EXPECT_EQ(judge(head_in(image), proof, {durable, ahead_bytes - 1}), Verdict::damaged);
  EXPECT_EQ(judge(head_in(image), proof, {durable + 1, 1 << 20}), Verdict::damaged);
}

TEST_F(ProveTest, a_frame_at_another_place_does_not_pass) {
  HotSegment segment;
  const auto first = segment.record(std::string(32, 'a'));
  const auto second = segment.record(std::string(32, 'b'));
  Bytes image = disk_image(segment, Closing::open);
  // The first frame's bytes where the second should be, with the second's offset in its place.
  std::copy_n(image.begin() + first.units * 32, 64, image.begin() + second.units * 32);
  const Proof proof = prove(image, head_in(image));
  EXPECT_EQ(proof.end, second);
  EXPECT_EQ(proof.stop, ImageStop::bad_checksum);
}

TEST_F(ProveTest, a_frame_of_another_segment_topic_partition_or_epoch_does_not_pass) {
  const Bytes image = disk_image(hot, Closing::open);
  const auto stop_with = [&image](auto&& change) {
    auto head = head_in(image);
    change(head);
    return prove(image, head).stop;
  };
  ASSERT_EQ(stop_with([](auto&) {}), ImageStop::end_of_data);
  EXPECT_EQ(stop_with([](auto& head) { head.topic_id[15] ^= 1; }), ImageStop::bad_checksum);
  EXPECT_EQ(stop_with([](auto& head) { head.partition ^= 1; }), ImageStop::bad_checksum);
  EXPECT_EQ(stop_with([](auto& head) { head.sequence ^= 1; }), ImageStop::bad_checksum);
  EXPECT_EQ(stop_with([](auto& head) { head.leader_epoch ^= 1; }), ImageStop::bad_checksum);
  EXPECT_EQ(stop_with([](auto& head) { head.tag ^= 1; }), ImageStop::end_of_data);
}

TEST_F(ProveTest, says_what_stands_where_it_stopped) {
  const Bytes sound = disk_image(hot, Closing::open);
  const std::size_t second = frames()[1].place.units * std::size_t{32};
  const auto stop_with = [&](std::size_t at, std::uint32_t word) {
    Bytes image = sound;
    std::memcpy(image.data() + second + at, &word, sizeof(word));
    return prove(image, head_in(image)).stop;
  };
  EXPECT_EQ(stop_with(4, 0), ImageStop::end_of_data);
  EXPECT_EQ(stop_with(0, 31), ImageStop::torn_frame);
  EXPECT_EQ(stop_with(0, static_cast<std::uint32_t>(-96)), ImageStop::torn_frame);
  EXPECT_EQ(stop_with(0, 0x7fffffff), ImageStop::torn_frame);
  EXPECT_EQ(stop_with(0, 64), ImageStop::bad_checksum);
  EXPECT_EQ(stop_with(40, 1), ImageStop::bad_checksum);
}

// Seals a frame whose fields cannot be: our own fault wrote it.
TEST_F(ProveTest, fields_that_cannot_be_do_not_pass_even_with_a_right_checksum) {
  const auto stop_with = [this](std::size_t at, std::uint64_t value, std::size_t bytes) {
    Bytes image = disk_image(hot, Closing::open);
    const auto place = frames()[1].place;
    std::byte* frame = image.data() + place.units * std::size_t{32};
    std::memcpy(frame + at, &value, bytes);
    const std::uint32_t crc =
        FrameSeal(head_in(image)).checksum_of_sealed({frame, 96}, place.units);
    std::memcpy(frame + 24, &crc, 4);
    return prove(image, head_in(image)).stop;
  };
  EXPECT_EQ(stop_with(30, 77, 2), ImageStop::end_of_data) << "the owner is for people";
  EXPECT_EQ(stop_with(8, 102, 8), ImageStop::bad_fields);
  EXPECT_EQ(stop_with(16, ~0ull, 8), ImageStop::bad_fields);
  EXPECT_EQ(stop_with(28, 9, 1), ImageStop::bad_fields);
}

TEST_F(ProveTest, an_image_full_of_what_looks_like_frames_ends_the_search_and_counts_as_damage) {
  HotSegment segment(5, 100, 1 << 20);
  segment.record("one");
  Bytes image = disk_image(segment, Closing::open);
  const auto head = head_in(image);
  for (std::uint32_t units = segment.end().units + 1; units + 2 < image.size() / 32; ++units) {
    PlainFrameHeader frame{};
    const auto size =
        static_cast<std::int32_t>(image.size() - units * 32u);  // each to the image's end
    frame.commit = format::commit_word(size, segment.tag());
    frame.offset = 101;
    frame.type = 1;
    std::memcpy(image.data() + units * 32u, &frame, sizeof(frame));
  }
  const Proof proof = prove(image, head);
  ASSERT_TRUE(proof.beyond);
  EXPECT_TRUE(proof.beyond->cut_short);
  EXPECT_EQ(judge(head, proof, {0, ~0ull}), Verdict::damaged);
}

TEST_F(ProveTest, any_bytes_at_all_end_in_an_answer) {
  Random random(11);
  const Bytes sound = disk_image(hot, Closing::open);
  for (int round = 0; round < 2000; ++round) {
    Bytes image(sound.begin(),
                sound.begin() + static_cast<std::ptrdiff_t>(256 + random.below(2048)));
    for (std::uint64_t i = random.below(4); i > 0; --i)
      image[random.below(image.size())] = static_cast<std::byte>(random());
    const auto head = head_in(sound);
    const SegmentPlace from{static_cast<std::uint32_t>(random.below(100)), 100 + random.below(3)};
    const Proof proof = prove(image, head, from);
    const std::uint32_t image_units =
        format::align_frame(static_cast<std::uint32_t>(image.size())) / 32;
    ASSERT_LE(proof.end.units, std::max(image_units, from.units));
    if (proof.beyond) {
      ASSERT_LE(proof.beyond->end_units, image_units);
      ASSERT_GT(proof.beyond->end_units, proof.end.units);
    }
    judge(head, proof, {static_cast<std::uint32_t>(random.below(100)), random.below(4096)});
  }
}

}  // namespace
}  // namespace ringmain::segment
