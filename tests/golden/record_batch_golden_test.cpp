// The bytes of Produce, Fetch and record batches, as librdkafka 2.0.2 (kcat 1.7.1) sent them: one
// record with key "k", a value of 40 times "v", and a header h=1. Contract:
// docs/formats/record-batch.md.
#include <gtest/gtest.h>

#include <array>

#include "golden/kafka_golden.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/generated/fetch.hpp"
#include "kafka/generated/produce.hpp"
#include "kafka/record_batch.hpp"

namespace ringmain::kafka {
namespace {

constexpr std::string_view plain_batch =
    "00000000000000000000006500000000025192bf13000000000000000001a1fd639efd000001a1fd"
    "639efdffffffffffffffffffffffffffff0000000166000000026b50767676767676767676767676"
    "767676767676767676767676767676767676767676767676767676760202680231";

constexpr std::string_view gzip_batch =
    "00000000000000000000005400000000024aab9be2000100000000000001a1fd639f24000001a1fd"
    "639f24ffffffffffffffffffffffffffff000000011f8b08000000000000034b63606060ca0e2823"
    "12303165301902008c3bc78134000000";

constexpr std::string_view snappy_batch =
    "0000000000000000000000440000000002551a4d01000200000000000001a1fd639f33000001a1fd"
    "639f33ffffffffffffffffffffffffffff00000001341c66000000026b50769a0100100202680231";

constexpr std::string_view zstd_batch =
    "00000000000000000000004d00000000024f720187000400000000000001a1fd639f7c000001a1fd"
    "639f7cffffffffffffffffffffffffffff0000000128b52ffd00589d00006866000000026b507602"
    "0268023101004ac005";

constexpr int64_t plain_time_ms = 0x1a1fd639efd;

TEST(RecordBatchGolden, is_read_as_librdkafka_wrote_it) {
  for (const std::string_view hex : {plain_batch, gzip_batch, snappy_batch, zstd_batch}) {
    const Bytes bytes = from_hex(hex);
    const auto batch = RecordBatch::parse(bytes, CheckCrc::yes);
    ASSERT_TRUE(batch) << batch.error().message;
    EXPECT_EQ(batch->bytes().size(), bytes.size());
    const auto content = BatchContent::of(*batch, 1 << 20);
    ASSERT_TRUE(content) << content.error().message;
    RecordWalk walk(*batch, content->records());
    ASSERT_TRUE(walk.next()) << walk.status().error().message;
    EXPECT_EQ(walk.record().offset, 0);
    EXPECT_EQ(walk.record().timestamp_ms, batch->header().first_timestamp_ms);
    EXPECT_EQ(walk.record().key, "k");
    EXPECT_EQ(walk.record().value, std::string(40, 'v'));
    HeaderWalk headers(walk.record());
    ASSERT_TRUE(headers.next());
    EXPECT_EQ(headers.header().key, "h");
    EXPECT_EQ(headers.header().value, "1");
    EXPECT_FALSE(headers.next());
    EXPECT_FALSE(walk.next());
    EXPECT_TRUE(walk.status());
  }
}

TEST(RecordBatchGolden, is_written_as_librdkafka_writes_it) {
  BatchBuilder builder;
  const std::array headers{RecordHeader{"h", "1"}};
  const std::string value(40, 'v');
  builder.add({0, plain_time_ms, "k", value}, headers);
  EXPECT_EQ(to_hex(builder.finish()), plain_batch);
}

TEST(ProduceGolden, request_7_of_librdkafka) {
  const Bytes batch = from_hex(plain_batch);
  ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30000;
  request.topic_data = {{"t", {{0, Records(batch)}}}};
  expect_request(
      "0000009d0000000700000003000772646b61666b61ffffffff000075300000000100017400000001000000000000"
      "0071" +
          std::string(plain_batch),
      {7, 3, "rdkafka"}, request);
}

TEST(ProduceGolden, response_7) {
  ProduceResponse response;
  ProduceResponse::PartitionResponse part;
  part.base_offset = 1;
  response.responses = {{"t", {part}}};
  response.responses[0].partition_responses[0].log_start_offset = 0;
  expect_response<ProduceResponse>(
      "000000310000000300000001000174000000010000000000000000000000000001ffffffffffffff"
      "ff000000000000000000000000",
      {7, 3, "rdkafka"}, response);
}

TEST(FetchGolden, request_11_of_librdkafka) {
  FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 0x3200000;
  request.isolation_level = 1;
  request.session_epoch = -1;
  FetchRequest::Partition part;
  part.fetch_offset = 0;
  part.partition_max_bytes = 1 << 20;
  request.topics = {{"t", {part}}};
  expect_request(
      "000000570001000b00000005000772646b61666b61ffffffff000001f40000000103200000010000"
      "0000ffffffff000000010001740000000100000000ffffffff0000000000000000ffffffffffffff"
      "ff00100000000000000000",
      {11, 5, "rdkafka"}, request);
}

TEST(FetchGolden, response_11_without_records) {
  FetchResponse response;
  FetchResponse::PartitionResponse part;
  part.high_watermark = part.last_stable_offset = 5;
  part.log_start_offset = 0;
  part.records.emplace();
  part.aborted_transactions = std::nullopt;
  response.responses = {{"t", {part}}};
  expect_response<FetchResponse>(
      "00000043000000060000000000000000000000000001000174000000010000000000000000000000"
      "00000500000000000000050000000000000000ffffffffffffffff00000000",
      {11, 6, "rdkafka"}, response);
}

}  // namespace
}  // namespace ringmain::kafka
