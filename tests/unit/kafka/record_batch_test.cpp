// Batches that are built and read, stamped, cut and damaged.
#include "kafka/record_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "base/random.hpp"
#include "kafka/batch_builder.hpp"

namespace ringmain::kafka {
namespace {

using testing::HasSubstr;

constexpr size_t plenty = 16 << 20;

// Offsets 10, 11, 13: a value alone, a key and a tombstone, headers.
Bytes three_records() {
  BatchBuilder builder;
  builder.add({10, 1000, std::nullopt, "plain"});
  builder.add({11, 1007, "key", std::nullopt});
  const std::array headers{RecordHeader{"a", "1"}, RecordHeader{"b", std::nullopt},
                           RecordHeader{"", ""}};
  builder.add({13, 990, "", "with headers"}, headers);
  EXPECT_EQ(builder.record_count(), 3U);
  return builder.finish();
}

void put(Bytes& bytes, size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    bytes[at + i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)));
}
void seal(Bytes& bytes) {
  put(bytes, batch_crc_at, crc32c(std::span(bytes).subspan(batch_attributes_at)), 4);
}

struct Read {
  std::vector<std::string> records;
  Status status;
};

std::string text(const BatchRecord& record) {
  std::string line = std::to_string(record.offset) + "@" + std::to_string(record.timestamp_ms) +
                     " " + std::string(record.key.value_or("null")) + "=" +
                     std::string(record.value.value_or("null"));
  for (HeaderWalk walk(record); walk.next();)
    line += " " + std::string(walk.header().key) + ":" +
            std::string(walk.header().value.value_or("null"));
  return line;
}

// From a heap block of exactly this size, so that AddressSanitizer sees a read beyond it.
Read read(const Bytes& bytes, CheckCrc check = CheckCrc::yes,
          std::optional<int64_t> base_offset = std::nullopt) {
  const auto block = std::make_unique<std::byte[]>(bytes.size());
  std::ranges::copy(bytes, block.get());
  Read out;
  const auto batch = RecordBatch::parse({block.get(), bytes.size()}, check);
  if (!batch) return {{}, tl::make_unexpected(batch.error())};
  const auto content = BatchContent::of(*batch, plenty);
  if (!content) return {{}, tl::make_unexpected(content.error())};
  RecordWalk walk(*batch, content->records(), base_offset);
  while (walk.next()) out.records.push_back(text(walk.record()));
  out.status = walk.status();
  return out;
}

ErrorCode code_of(const Bytes& bytes) {
  const Read out = read(bytes);
  return out.status ? ErrorCode::none : out.status.error().code;
}

TEST(RecordBatch, holds_what_was_put_into_it) {
  const Read out = read(three_records());
  ASSERT_TRUE(out.status) << out.status.error().message;
  EXPECT_THAT(out.records, testing::ElementsAre("10@1000 null=plain", "11@1007 key=null",
                                                "13@990 =with headers a:1 b:null :"));
}

TEST(RecordBatch, says_in_its_header_what_it_holds) {
  const Bytes bytes = three_records();
  const auto batch = RecordBatch::parse(bytes, CheckCrc::yes);
  ASSERT_TRUE(batch);
  const BatchHeader& header = batch->header();
  EXPECT_EQ(header.base_offset, 10);
  EXPECT_EQ(header.offset_count(), 4U);
  EXPECT_EQ(header.record_count, 3);
  EXPECT_EQ(header.first_timestamp_ms, 1000);
  EXPECT_EQ(header.max_timestamp_ms, 1007);
  EXPECT_EQ(header.compression(), Compression::none);
  EXPECT_EQ(header.producer_id, no_producer_id);
  EXPECT_FALSE(header.is_log_append_time() || header.is_control() || header.is_transactional());
  EXPECT_EQ(batch->bytes().size(), bytes.size());
}

TEST(RecordBatch, is_read_from_the_front_of_several) {
  Bytes two = three_records();
  const size_t size = two.size();
  const Bytes second = three_records();
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(RecordBatch::parse(two, CheckCrc::yes).value().bytes().size(), size);
}

TEST(RecordBatch, is_read_in_every_codec) {
  const Bytes plain = three_records();
  for (const auto codec :
       {Compression::gzip, Compression::snappy, Compression::lz4, Compression::zstd}) {
    const Read out = read(compressed(plain, codec).value());
    ASSERT_TRUE(out.status) << compression_name(codec) << ": " << out.status.error().message;
    EXPECT_EQ(out.records, read(plain).records);
  }
  EXPECT_EQ(compressed(plain, Compression::none).value(), plain);
}

TEST(RecordBatch, gets_its_offset_without_touching_its_checksum) {
  Bytes bytes = three_records();
  stamp_offset(bytes, 1'000'000'000'000, 7);
  const Read out = read(bytes);
  ASSERT_TRUE(out.status) << out.status.error().message;
  EXPECT_EQ(out.records[2].substr(0, 14), "1000000000003@");
  EXPECT_EQ(RecordBatch::parse(bytes, CheckCrc::yes)->header().leader_epoch, 7);
  EXPECT_EQ(read(bytes, CheckCrc::yes, 50).records[2].substr(0, 3), "53@");
}

TEST(RecordBatch, gets_the_time_of_its_append_for_all_its_records) {
  Bytes bytes = three_records();
  stamp_append_time(bytes, 5555);
  const Read out = read(bytes);
  ASSERT_TRUE(out.status) << out.status.error().message;
  EXPECT_THAT(out.records, testing::Each(HasSubstr("@5555 ")));
  EXPECT_TRUE(RecordBatch::parse(bytes, CheckCrc::yes)->header().is_log_append_time());
}

TEST(RecordBatch, is_refused_when_it_is_cut) {
  const Bytes whole = three_records();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(code_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
              ErrorCode::corrupt_message)
        << size;
  }
}

TEST(RecordBatch, is_refused_when_any_bit_behind_its_checksum_differs) {
  const Bytes whole = three_records();
  for (size_t at = batch_crc_at; at < whole.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes damaged = whole;
      damaged[at] ^= static_cast<std::byte>(1U << bit);
      EXPECT_FALSE(read(damaged).status) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(RecordBatch, of_an_earlier_format_is_named_as_such) {
  for (const unsigned magic : {0U, 1U}) {
    Bytes bytes = three_records();
    bytes[batch_magic_at] = static_cast<std::byte>(magic);
    EXPECT_EQ(code_of(bytes), ErrorCode::unsupported_for_message_format);
  }
  Bytes bytes = three_records();
  bytes[batch_magic_at] = std::byte{3};
  EXPECT_EQ(code_of(bytes), ErrorCode::corrupt_message);
}

// With a right checksum: a client that means harm computes it, too.
TEST(RecordBatch, is_refused_when_its_fields_lie) {
  struct Lie {
    size_t at;
    uint64_t value;
    size_t size;
    ErrorCode code;
  };
  for (const Lie& lie : {Lie{batch_length_at, 0xffffffff, 4, ErrorCode::corrupt_message},
                         Lie{batch_length_at, 48, 4, ErrorCode::corrupt_message},
                         Lie{batch_length_at, 0x7fffffff, 4, ErrorCode::corrupt_message},
                         Lie{batch_last_offset_delta_at, 0xffffffff, 4, ErrorCode::corrupt_message},
                         Lie{batch_last_offset_delta_at, 0x7fffffff, 4, ErrorCode::corrupt_message},
                         Lie{batch_last_offset_delta_at, 2, 4, ErrorCode::corrupt_message},
                         Lie{batch_record_count_at, 0xffffffff, 4, ErrorCode::corrupt_message},
                         Lie{batch_record_count_at, 4, 4, ErrorCode::corrupt_message},
                         Lie{batch_record_count_at, 2, 4, ErrorCode::corrupt_message},
                         Lie{batch_attributes_at, 5, 2, ErrorCode::unsupported_compression_type},
                         Lie{batch_attributes_at, 1, 2, ErrorCode::corrupt_message}}) {
    Bytes bytes = three_records();
    put(bytes, lie.at, lie.value, lie.size);
    seal(bytes);
    EXPECT_EQ(code_of(bytes), lie.code) << lie.value << " at " << lie.at;
  }
}

TEST(RecordBatch, says_that_it_is_damaged_or_gives_records_whatever_its_records_are) {
  const Bytes whole = three_records();
  Random random(1);
  size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes damaged = whole;
    for (uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
      const size_t at = batch_header_bytes + random.below(damaged.size() - batch_header_bytes);
      damaged[at] = static_cast<std::byte>(random());
    }
    seal(damaged);
    const Read out = read(damaged);
    if (!out.status) {
      ++refused;
      EXPECT_EQ(out.status.error().code, ErrorCode::corrupt_message);
    } else {
      EXPECT_EQ(out.records.size(), 3U);
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST(BatchBuilder, makes_batch_after_batch) {
  BatchBuilder builder;
  EXPECT_TRUE(builder.is_empty());
  builder.add({0, 1, std::nullopt, "a"});
  const Bytes first = builder.finish();
  EXPECT_TRUE(builder.is_empty());
  builder.add({1, 2, std::nullopt, "b"});
  EXPECT_EQ(builder.size_bytes(), first.size());
  EXPECT_THAT(read(builder.finish()).records, testing::ElementsAre("1@2 null=b"));
}

TEST(VoidBatch, takes_offsets_and_has_no_record) {
  const Bytes bytes = void_batch(7, 9);
  const auto batch = RecordBatch::parse(bytes, CheckCrc::yes);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->header().base_offset, 7);
  EXPECT_EQ(batch->header().offset_count(), 3U);
  const Read out = read(bytes);
  EXPECT_TRUE(out.status);
  EXPECT_TRUE(out.records.empty());
}

TEST(BatchBuilder, may_end_behind_its_last_record) {
  BatchBuilder builder;
  builder.add({5, 1, std::nullopt, "a"});
  const Bytes bytes = builder.finish(9);
  EXPECT_EQ(RecordBatch::parse(bytes, CheckCrc::yes)->header().offset_count(), 5U);
  EXPECT_TRUE(read(bytes).status);
}

}  // namespace
}  // namespace ringmain::kafka
