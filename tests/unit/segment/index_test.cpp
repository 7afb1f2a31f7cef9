// Offset and time index: building, looking up, and files that lie.
#include <gmock/gmock.h>

#include "segment/index_builder.hpp"
#include "segment/index_file.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using namespace test;
using ::testing::HasSubstr;

FileIdentity file_identity() {
  return {{1, 2, 3}, 4, kFileTag, 1000, kSlotBytes};
}

FrameNote frame(std::uint64_t offset, std::uint32_t units, std::uint32_t size, std::int64_t time_ns,
                format::FrameType type = format::FrameType::record) {
  FrameNote note;
  note.place = {units, offset};
  note.size = size;
  note.type = type;
  note.offsets = 1;
  if (type != format::FrameType::filler) {
    note.records = 1;
    note.times = {time_ns, time_ns};
  }
  return note;
}

TEST(IndexBuilder, makes_an_entry_about_every_interval) {
  IndexBuilder builder(file_identity(), 4096);
  for (std::uint32_t i = 0; i < 100; ++i) builder.add(0, frame(1000 + i, 8 + 4 * i, 128, i));
  ASSERT_EQ(builder.offsets().size(), 3u);
  EXPECT_EQ(builder.offsets().entry(0), (FilePlace{0, 8 + 4 * 31, 1031}));
  EXPECT_EQ(builder.offsets().entry(1), (FilePlace{0, 8 + 4 * 63, 1063}));
}

TEST(IndexBuilder, fillers_count_as_bytes_and_get_no_entry) {
  IndexBuilder builder(file_identity(), 4096);
  builder.add(0, frame(1000, 8, 5000, 0, format::FrameType::filler));
  EXPECT_EQ(builder.offsets().size(), 0u);
  builder.add(1, frame(1001, 8, 64, 7));
  ASSERT_EQ(builder.offsets().size(), 1u);
  EXPECT_EQ(builder.offsets().entry(0), (FilePlace{1, 8, 1001}));
}

TEST(IndexBuilder, finishing_says_the_largest_timestamp) {
  IndexBuilder builder(file_identity(), 4096);
  builder.add(0, frame(1000, 8, 64, 50));
  builder.add(0, frame(1001, 10, 64, 20));
  EXPECT_EQ(builder.times().largest_ns(), format::kNoLargestNs);
  builder.finish();
  EXPECT_EQ(builder.times().largest_ns(), 50);
  builder.finish();
  EXPECT_EQ(builder.times().size(), 1u);
}

TEST(IndexBuilder, of_no_record_has_no_entry) {
  IndexBuilder builder(file_identity(), 1);
  builder.add(0, frame(1000, 8, 5000, 0, format::FrameType::filler));
  builder.finish();
  EXPECT_EQ(builder.offsets().size(), 0u);
  EXPECT_EQ(builder.times().size(), 0u);
}

TEST(OffsetIndex, gives_the_last_frame_at_or_below) {
  OffsetIndex index(file_identity());
  EXPECT_EQ(index.at_or_below(1000), std::nullopt);
  index.add({0, 10, 1005});
  index.add({0, 50, 1020});
  index.add({2, 8, 1030});
  EXPECT_EQ(index.at_or_below(0), std::nullopt);
  EXPECT_EQ(index.at_or_below(1004), std::nullopt);
  EXPECT_EQ(index.at_or_below(1005), (FilePlace{0, 10, 1005}));
  EXPECT_EQ(index.at_or_below(1019), (FilePlace{0, 10, 1005}));
  EXPECT_EQ(index.at_or_below(1020), (FilePlace{0, 50, 1020}));
  EXPECT_EQ(index.at_or_below(~0ull), (FilePlace{2, 8, 1030}));
}

TEST(OffsetIndex, leaves_out_what_does_not_follow_or_does_not_fit) {
  OffsetIndex index(file_identity());
  index.add({0, 10, 999});
  index.add({0, 10, 1000 + (1ull << 32)});
  index.add({1u << 30, 10, 1005});
  EXPECT_EQ(index.size(), 0u);
  index.add({0, 10, 1005});
  index.add({0, 11, 1005});
  index.add({0, 10, 1006});
  EXPECT_EQ(index.size(), 1u);
}

TEST(TimeIndex, everything_before_the_place_it_gives_is_older) {
  // Timestamps that run backwards now and then.
  const std::vector<std::int64_t> times{10, 30, 20, 30, 25, 60, 5, 55, 60, 61};
  IndexBuilder builder(file_identity(), 1);
  for (std::uint32_t i = 0; i < times.size(); ++i)
    builder.add(0, frame(1000 + i, 8 + 2 * i, 64, times[i]));
  builder.finish();
  for (std::int64_t wanted = 0; wanted < 65; ++wanted) {
    const auto place = builder.times().all_older_before(wanted);
    const std::uint64_t from = place ? place->offset - 1000 : 0;
    for (std::uint64_t i = 0; i < from; ++i) ASSERT_LT(times[i], wanted);
    if (place) {
      ASSERT_LT(times[from], wanted);
    }
  }
  EXPECT_EQ(builder.times().all_older_before(10), std::nullopt);
  EXPECT_EQ(builder.times().all_older_before(31)->offset, 1001u);
  EXPECT_EQ(builder.times().all_older_before(61)->offset, 1005u);
  EXPECT_EQ(builder.times().largest_ns(), 61);
}

// ---- files

struct Encoded {
  Bytes offsets, times;
};
Encoded encoded() {
  IndexBuilder builder(file_identity(), 1);
  for (std::uint32_t i = 0; i < 20; ++i)
    builder.add(i / 10, frame(1000 + i, 8 + 2 * (i % 10), 64, 10 * i));
  return {builder.offsets().encode(), builder.times().encode()};
}

TEST(IndexFile, comes_back_as_it_was) {
  const auto bytes = encoded();
  EXPECT_EQ(bytes.offsets.size(), 64u + 20 * 8);
  EXPECT_EQ(bytes.times.size(), 64u + 20 * 16);
  const auto offsets = OffsetIndex::decode(bytes.offsets, file_identity(), "x.index");
  const auto times = TimeIndex::decode(bytes.times, file_identity(), "x.timeindex");
  ASSERT_TRUE(offsets) << offsets.error().message;
  ASSERT_TRUE(times) << times.error().message;
  EXPECT_EQ(offsets->at_or_below(1015), (FilePlace{1, 18, 1015}));
  EXPECT_EQ(times->all_older_before(151), (FilePlace{1, 18, 1015}));
  EXPECT_EQ(offsets->encode(), bytes.offsets);
  EXPECT_EQ(times->encode(), bytes.times);
}

TEST(IndexFile, without_entries_is_sound) {
  const auto index =
      OffsetIndex::decode(OffsetIndex(file_identity()).encode(), file_identity(), "x.index");
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), 0u);
}

TEST(IndexFile, each_flipped_bit_is_noticed) {
  auto bytes = encoded();
  for (std::size_t at = 0; at < bytes.offsets.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      flip(bytes.offsets, at, bit);
      ASSERT_FALSE(OffsetIndex::decode(bytes.offsets, file_identity(), "x.index")) << at;
      flip(bytes.offsets, at, bit);
    }
  for (std::size_t at = 0; at < bytes.times.size(); ++at) {
    flip(bytes.times, at);
    ASSERT_FALSE(TimeIndex::decode(bytes.times, file_identity(), "x.timeindex")) << at;
    flip(bytes.times, at);
  }
}

TEST(IndexFile, of_each_other_length_is_refused) {
  const auto bytes = encoded().offsets;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(OffsetIndex::decode(std::span(bytes).first(size), file_identity(), "x.index"))
        << size;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(OffsetIndex::decode(longer, file_identity(), "x.index"));
}

TEST(IndexFile, of_another_log_file_or_of_an_earlier_use_of_it_is_refused) {
  const auto bytes = encoded().offsets;
  const auto refused = [&bytes](auto&& change) {
    auto expected = file_identity();
    change(expected);
    const auto index = OffsetIndex::decode(bytes, expected, "x.index");
    return !index && index.error().message.find("another log file") != std::string::npos;
  };
  EXPECT_TRUE(refused([](auto& file) { file.topic_id[0] ^= 1; }));
  EXPECT_TRUE(refused([](auto& file) { file.partition ^= 1; }));
  EXPECT_TRUE(refused([](auto& file) { file.file_tag ^= 1; }));
  EXPECT_TRUE(refused([](auto& file) { file.base_offset ^= 1; }));
  EXPECT_TRUE(refused([](auto& file) { file.slot_bytes *= 2; }));
  EXPECT_FALSE(TimeIndex::decode(bytes, file_identity(), "x"))
      << "an offset index is no time index";
}

void reseal(Bytes& bytes) {
  const std::span<const std::byte> file = bytes;
  const std::uint32_t crc = crc32c(file.subspan(16), crc32c(file.first(12)));
  std::memcpy(bytes.data() + 12, &crc, sizeof(crc));
}

TEST(IndexFile, of_a_later_version_says_so) {
  auto bytes = encoded().offsets;
  bytes[8] = std::byte{2};
  reseal(bytes);
  const auto index = OffsetIndex::decode(bytes, file_identity(), "x.index");
  ASSERT_FALSE(index);
  EXPECT_EQ(index.error().code, ErrorCode::version_mismatch);
  EXPECT_THAT(index.error().message, HasSubstr("version 2"));
}

// Entries with a right checksum that our code never writes.
TEST(IndexFile, entries_that_do_not_rise_or_lead_into_a_head_are_refused) {
  const auto offsets_with = [](std::size_t at, std::uint32_t value) {
    auto bytes = encoded().offsets;
    std::memcpy(bytes.data() + 64 + at, &value, 4);
    reseal(bytes);
    return OffsetIndex::decode(bytes, file_identity(), "x.index").has_value();
  };
  ASSERT_TRUE(offsets_with(0, 0));
  EXPECT_FALSE(offsets_with(8, 0)) << "the first entry's offset again";
  EXPECT_FALSE(offsets_with(8, 0xffffffff));
  EXPECT_FALSE(offsets_with(12, 8)) << "the first entry's place again";
  EXPECT_FALSE(offsets_with(4, 7)) << "in the head";
  EXPECT_FALSE(offsets_with(19 * 8 + 4, 3 * 2048 + 7)) << "in the head of a later segment";
  const auto times_with = [](std::size_t at, std::uint64_t value, std::size_t bytes_of_it) {
    auto bytes = encoded().times;
    std::memcpy(bytes.data() + 64 + at, &value, bytes_of_it);
    reseal(bytes);
    return TimeIndex::decode(bytes, file_identity(), "x.timeindex").has_value();
  };
  ASSERT_TRUE(times_with(0, 0, 8));
  EXPECT_FALSE(times_with(16, 0, 8));
  EXPECT_FALSE(times_with(16, ~0ull, 8)) << "before 1970";
  EXPECT_FALSE(times_with(24, 0, 4));
  EXPECT_FALSE(times_with(28, 8, 4));
  EXPECT_FALSE(times_with(12, 0, 4));
}

TEST(IndexFile, a_count_that_lies_is_refused_without_an_allocation_of_that_size) {
  auto bytes = encoded().offsets;
  const std::uint32_t count = 0xffffffff;
  std::memcpy(bytes.data() + 36, &count, 4);
  reseal(bytes);
  const auto index = OffsetIndex::decode(bytes, file_identity(), "x.index");
  ASSERT_FALSE(index);
  EXPECT_THAT(index.error().message, HasSubstr("4294967295"));
}

}  // namespace
}  // namespace ringmain::segment
