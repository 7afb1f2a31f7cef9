// Reading a log file: every record in order, from any offset, and what is damaged is named.
#include "segment/cold_reader.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "os/file.hpp"
#include "unit/os/scratch.hpp"
#include "unit/segment/fixture.hpp"

namespace ringmain::segment {
namespace {

using test::Closing;
using test::HotSegment;
using Image = test::Bytes;
using Outcome = ColdReader::Outcome;

constexpr std::uint64_t kBase = 100;
constexpr std::uint32_t kPerSegment = 20;
constexpr std::uint64_t kEnd = kBase + 3 * kPerSegment;

PartitionIdentity identity() {
  PartitionIdentity of;
  for (std::uint8_t i = 0; i < 16; ++i) of.topic_id[i] = static_cast<std::uint8_t>(0xa0 + i);
  of.partition = 3;
  return of;
}

class ColdReading : public ::testing::Test {
 protected:
  // Three segments of records with values of 100 bytes and timestamps 1000 * offset.
  Image three_segments() const { return test::log_file(3, kPerSegment, kBase); }

  ColdFile file_of(const Image& image, std::uint64_t end = kEnd, std::uint64_t base = kBase) {
    const std::string path = scratch / "00000000000000000100.log";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(image.data()),
               static_cast<std::streamsize>(image.size()));
    return {os::open_file(path, O_RDONLY).value(), path, base, end};
  }
  std::unique_ptr<ColdReader> open(const Image& image, std::uint64_t end = kEnd) {
    auto opened = ColdReader::open(file_of(image, end), identity());
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static std::vector<std::uint64_t> offsets_left(ColdReader& reader, Outcome last = Outcome::end) {
    std::vector<std::uint64_t> offsets;
    Outcome outcome = Outcome::record;
    while ((outcome = reader.next()) == Outcome::record) offsets.push_back(reader.offset());
    EXPECT_EQ(outcome, last);
    EXPECT_EQ(reader.next(), last) << "it stays";
    return offsets;
  }
  static std::vector<std::uint64_t> from_to(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> offsets;
    for (; from < to; ++from) offsets.push_back(from);
    return offsets;
  }

  os::ScratchDirectory scratch;
};

TEST_F(ColdReading, gives_every_record_in_place) {
  const auto reader = open(three_segments());
  EXPECT_FALSE(reader->has_record());
  for (std::uint64_t offset = kBase; offset < kEnd; ++offset) {
    EXPECT_EQ(reader->next_offset(), offset);
    ASSERT_EQ(reader->next(), Outcome::record);
    EXPECT_EQ(reader->offset(), offset);
    EXPECT_EQ(reader->frame().offset.load(), offset);
    EXPECT_EQ(reader->frame().extent.load(), static_cast<std::int64_t>(1000 * offset));
    ASSERT_EQ(reader->frame_size(), format::kFrameHeaderBytes + 100);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(reader->frame().body()), 100),
              std::string(100, 'x'));
  }
  EXPECT_EQ(reader->next(), Outcome::end);
  EXPECT_EQ(reader->next_offset(), kEnd);
}

TEST_F(ColdReading, from_every_offset) {
  const auto reader = open(three_segments());
  for (std::uint64_t offset = kBase; offset <= kEnd; ++offset) {
    ASSERT_TRUE(reader->seek(offset)) << offset;
    EXPECT_EQ(reader->next_offset(), offset);
    EXPECT_EQ(offsets_left(*reader), from_to(offset, kEnd));
  }
  for (const std::uint64_t outside : {kBase - 1, kEnd + 1, ~std::uint64_t{0}}) {
    const Status sought = reader->seek(outside);
    ASSERT_FALSE(sought);
    EXPECT_EQ(sought.error().code, ErrorCode::offset_out_of_range);
    EXPECT_NE(sought.error().message.find(std::to_string(outside)), std::string::npos);
  }
}

TEST_F(ColdReading, ends_where_the_broker_says_that_the_disk_has_come_to) {
  const auto reader = open(three_segments(), kBase + 25);
  EXPECT_EQ(offsets_left(*reader), from_to(kBase, kBase + 25));
  EXPECT_FALSE(reader->seek(kBase + 26));
}

TEST_F(ColdReading, calls_it_damage_if_the_file_ends_before_that) {
  const auto reader = open(test::log_file(2, kPerSegment, kBase), kEnd);
  EXPECT_EQ(offsets_left(*reader, Outcome::damaged), from_to(kBase, kBase + 2 * kPerSegment));
  EXPECT_EQ(reader->damage().code, ErrorCode::corrupt_message);
  EXPECT_FALSE(reader->seek(kEnd));
}

TEST_F(ColdReading, passes_over_void_offsets_and_keeps_batches_whole) {
  HotSegment segment(5, kBase);
  segment.record("a");     // 100
  segment.filler(96, 3);   // 101..104
  segment.batch(1, 2, 4);  // 104..108
  segment.filler(64, 0);
  segment.record("b");    // 108
  segment.filler(64, 2);  // 109..111
  const auto reader = open(test::disk_image(segment, Closing::complete), kBase + 11);
  EXPECT_EQ(offsets_left(*reader), (std::vector<std::uint64_t>{100, 104, 108}));
  EXPECT_EQ(reader->next_offset(), kBase + 11);
  ASSERT_TRUE(reader->seek(102));
  EXPECT_EQ(offsets_left(*reader), (std::vector<std::uint64_t>{104, 108}));
  ASSERT_TRUE(reader->seek(106));
  EXPECT_EQ(offsets_left(*reader), (std::vector<std::uint64_t>{104, 108}));
}

TEST_F(ColdReading, names_file_and_offset_of_any_damaged_record_and_goes_on_behind_it) {
  const Image sound = three_segments();
  const std::size_t frame_bytes = format::align_frame(format::kFrameHeaderBytes + 100);
  for (std::uint64_t index = 0; index < kPerSegment; ++index) {
    for (const std::size_t byte :
         {std::size_t{0}, std::size_t{6}, std::size_t{9}, std::size_t{20}, std::size_t{25},
          std::size_t{28}, std::size_t{29}, std::size_t{60}, std::size_t{131}}) {
      Image image = sound;  // in the second segment
      test::flip(image, test::kSlotBytes + format::kSegmentHeaderBytes +
                                     index * frame_bytes + byte);
      const auto reader = open(image);
      const std::uint64_t bad = kBase + kPerSegment + index;
      ASSERT_EQ(offsets_left(*reader, Outcome::damaged), from_to(kBase, bad)) << byte;
      const Error damage = reader->damage();
      EXPECT_EQ(damage.code, ErrorCode::corrupt_message);
      for (const std::string& word :
           {std::string("00000000000000000100.log"), "offset " + std::to_string(bad),
            "seek to offset " + std::to_string(kBase + 2 * kPerSegment)})
        EXPECT_NE(damage.message.find(word), std::string::npos) << word << ": " << damage.message;
      if (index != 0) {  // the record taken last is still there
        EXPECT_EQ(reader->offset(), bad - 1);
      }
      const Status sought = reader->seek(bad);
      ASSERT_FALSE(sought);
      EXPECT_EQ(sought.error().code, ErrorCode::corrupt_message);
      ASSERT_TRUE(reader->seek(kBase + 2 * kPerSegment));
      EXPECT_EQ(offsets_left(*reader), from_to(kBase + 2 * kPerSegment, kEnd));
    }
  }
}

TEST_F(ColdReading, never_leaves_a_file_that_is_cut_anywhere) {
  const Image sound = test::log_file(1, 4, kBase);
  const std::size_t end = format::kSegmentHeaderBytes + 3 * 160 + format::kFrameHeaderBytes + 100;
  for (std::size_t size = 0; size < end; ++size) {
    const Image cut(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size));
    const auto opened = ColdReader::open(file_of(cut, kBase + 4), identity());
    if (!opened) continue;
    EXPECT_LT(offsets_left(**opened, Outcome::damaged).size(), 4u) << size;
  }
}

TEST_F(ColdReading, refuses_the_file_of_another_partition_or_place) {
  const Image image = three_segments();
  PartitionIdentity other_topic = identity(), other_partition = identity();
  other_topic.topic_id[7] ^= 1;
  other_partition.partition = 4;
  EXPECT_FALSE(ColdReader::open(file_of(image), other_topic));
  EXPECT_FALSE(ColdReader::open(file_of(image), other_partition));
  const auto misplaced = ColdReader::open(file_of(image, kEnd, kBase + 1), identity());
  ASSERT_FALSE(misplaced);
  EXPECT_EQ(misplaced.error().code, ErrorCode::kafka_storage_error);
  EXPECT_NE(misplaced.error().message.find("00000000000000000100.log"), std::string::npos);
  EXPECT_FALSE(ColdReader::open(file_of({}), identity()));
  EXPECT_FALSE(ColdReader::open(file_of(Image(4096)), identity()));
}

TEST_F(ColdReading, finds_times) {
  const auto reader = open(three_segments());
  const auto at = [&](std::int64_t time_ns, std::uint64_t from = kBase) {
    const auto found = reader->find_time(time_ns, from);
    EXPECT_TRUE(found);
    return found && *found ? (*found)->offset : 0;
  };
  EXPECT_EQ(at(0), kBase);
  EXPECT_EQ(at(1000 * 130), 130u);
  EXPECT_EQ(at(1000 * 130 - 1), 130u);
  EXPECT_EQ(at(1000 * 130 + 1), 131u);
  EXPECT_EQ(at(1000 * 110, 140), 140u);
  EXPECT_EQ(at(1000 * 150, 140), 150u);
  EXPECT_EQ(at(1000 * kEnd), 0u) << "none";
  Image image = three_segments();
  test::flip(image, test::kSlotBytes + 300);
  const auto found = open(image)->find_time(1000 * 130, kBase);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::corrupt_message);
}

// A touch of what is gone would be SIGBUS.
TEST_F(ColdReading, names_the_place_where_a_file_was_cut_under_the_reader) {
  const auto reader = open(three_segments());
  ASSERT_EQ(reader->next(), Outcome::record);
  std::filesystem::resize_file(scratch / "00000000000000000100.log", test::kSlotBytes);
  EXPECT_EQ(offsets_left(*reader, Outcome::damaged), from_to(kBase + 1, kBase + kPerSegment));
  const Error error = reader->damage();
  EXPECT_EQ(error.code, ErrorCode::corrupt_message);
  for (const char* words : {"00000000000000000100.log", "offset 120", "cannot be read", "was cut"})
    EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
  const Status sought = reader->seek(kBase + 2 * kPerSegment + 1);
  ASSERT_FALSE(sought);
  EXPECT_NE(sought.error().message.find("was cut"), std::string::npos) << sought.error().message;
  EXPECT_FALSE(reader->find_time(1000 * (kBase + 2 * kPerSegment), kBase));
}

TEST_F(ColdReading, a_file_whose_heads_cannot_be_read_is_an_error) {
  ColdFile file = file_of(three_segments());
  file.fd = os::open_file(file.name, O_WRONLY).value();
  const auto reader = ColdReader::open(file, identity());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::io);
  for (const std::string& words : {file.name, std::string("byte 0 cannot be read")})
    EXPECT_NE(reader.error().message.find(words), std::string::npos) << reader.error().message;
}

}  // namespace
}  // namespace ringmain::segment
