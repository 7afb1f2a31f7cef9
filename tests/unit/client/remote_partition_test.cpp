// What a consumer makes of fetched bytes that are cut or wrong.
#include "client/remote_partition.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/batch_builder.hpp"

namespace ringmain::client {
namespace {

kafka::Bytes batch_of(std::int64_t base_offset, const std::vector<std::string>& values) {
  kafka::BatchBuilder builder;
  std::int64_t offset = 0;
  for (const std::string& value : values) builder.add({offset++, 1'700'000'000'000, "key", value});
  kafka::Bytes batch = builder.finish();
  kafka::stamp_offset(batch, base_offset, 0);
  return batch;
}

kafka::Bytes joined(kafka::Bytes first, const kafka::Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class FetchedBytes : public testing::Test {
 protected:
  FetchedBytes() { partition_.seek(0); }

  void give(kafka::Bytes bytes) {
    const auto order = partition_.order();
    ASSERT_TRUE(order);
    Parcel parcel{order->partition, order->ticket, {}, {}, {}, 0, {}};
    parcel.message = std::make_shared<const kafka::Bytes>(std::move(bytes));
    parcel.records = *parcel.message;
    partition_.take(std::move(parcel));
  }

  // Offsets of what can be read.
  std::vector<std::int64_t> read() {
    std::vector<std::int64_t> offsets;
    ConsumerRecord record;
    while (partition_.next()) {
      partition_.fill(record);
      offsets.push_back(static_cast<std::int64_t>(record.offset));
    }
    return offsets;
  }

  std::uint64_t tickets_ = 0;
  RemotePartition partition_{{"t", 0}, tickets_};
};

using Offsets = std::vector<std::int64_t>;

TEST_F(FetchedBytes, a_batch_that_is_cut_is_fetched_again_whole) {
  kafka::Bytes second = batch_of(2, {"c"});
  kafka::Bytes cut = second;
  cut.pop_back();
  give(joined(batch_of(0, {"a", "b"}), cut));
  EXPECT_EQ(read(), (Offsets{0, 1}));
  EXPECT_EQ(partition_.order()->from, 2);
  give(second);
  EXPECT_EQ(read(), Offsets{2});
}

TEST_F(FetchedBytes, a_first_batch_that_is_cut_is_an_error_and_not_asked_for_without_end) {
  kafka::Bytes cut = batch_of(0, {"a"});
  cut.pop_back();
  give(cut);
  EXPECT_THROW(read(), Exception);
}

TEST_F(FetchedBytes, a_wrong_byte_anywhere_behind_the_offset_is_found_and_nothing_of_its_batch_is_given) {
  const kafka::Bytes whole = batch_of(0, {"a", "b"});
  // Offset, length and leader epoch are the broker's own, before what the checksum covers.
  for (std::size_t at = 16; at < whole.size(); ++at) {
    kafka::Bytes wrong = whole;
    wrong[at] ^= std::byte{1};
    give(wrong);
    EXPECT_THROW(read(), Exception) << "byte " << at;
    EXPECT_EQ(partition_.position(), 0) << "byte " << at;
    EXPECT_EQ(partition_.order()->from, 0) << "it is fetched anew";
  }
}

TEST_F(FetchedBytes, lengths_that_cannot_be_are_errors) {
  for (const int length : {-1, 0, 5, 0x7fffffff}) {
    kafka::Bytes batch = batch_of(0, {"a", "b"});
    for (int i = 0; i < 4; ++i)
      batch[kafka::batch_length_at + static_cast<std::size_t>(i)] = static_cast<std::byte>(length >> (24 - 8 * i));
    give(batch);
    EXPECT_THROW(read(), Exception) << length;
  }
}

TEST_F(FetchedBytes, a_batch_without_records_is_passed_over) {
  give(joined(kafka::void_batch(0, 6), batch_of(7, {"c"})));
  EXPECT_EQ(read(), Offsets{7});
}

TEST_F(FetchedBytes, reading_begins_in_the_middle_of_a_batch) {
  partition_.seek(1);
  give(batch_of(0, {"a", "b", "c"}));
  EXPECT_EQ(read(), (Offsets{1, 2}));
}

TEST_F(FetchedBytes, what_was_fetched_before_a_seek_is_dropped) {
  const auto old = *partition_.order();
  partition_.seek(5);
  auto message = std::make_shared<const kafka::Bytes>(batch_of(0, {"a"}));
  partition_.take({old.partition, old.ticket, {}, message, *message, 0, {}});
  EXPECT_TRUE(read().empty());
  EXPECT_EQ(partition_.order()->from, 5);
}

}  // namespace
}  // namespace ringmain::client
