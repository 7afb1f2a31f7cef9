// Produce, Fetch and ListOffsets against a whole broker, beside native producers and readers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "kafka/generated/fetch.hpp"
#include "kafka/generated/list_offsets.hpp"
#include "kafka/generated/produce.hpp"
#include "raw_client.hpp"
#include "unit/gateway/batches.hpp"

namespace ringmain::test {
namespace {

using gateway::batch_of;
using gateway::values_in;
using testing::ElementsAre;

constexpr std::int16_t kVersion = 7;  // of Produce
constexpr std::int16_t kFetchVersion = 11;
constexpr std::int32_t kForeverMs = 3'600'000;
constexpr std::int16_t kAll = -1, kLeader = 1;

std::int16_t code(ErrorCode error) {
  return static_cast<std::int16_t>(error);
}

struct Wait {
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 1 << 20;
};

class RecordsOfKafkaClients : public ::testing::Test {
 protected:
  RecordsOfKafkaClients() : bus_(TemporaryBus::Start::later) {
    bus_.options().listeners = {"127.0.0.1:0"};
    bus_.start_broker();
  }
  RawClient connect() { return RawClient(bus_.broker().listener_addresses().at(0)); }

  static kafka::ProduceRequest produce_request(const std::string& topic, const kafka::Bytes& batch,
                                               std::int16_t acks = kLeader,
                                               std::int32_t timeout_ms = kForeverMs) {
    kafka::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = timeout_ms;
    request.topic_data = {{topic, {{0, kafka::Records(batch)}}}};
    return request;
  }
  static kafka::ProduceResponse::PartitionResponse only(const kafka::ProduceResponse& response) {
    return response.responses.at(0).partition_responses.at(0);
  }
  static kafka::ProduceResponse::PartitionResponse produce(RawClient& client,
                                                           const std::string& topic,
                                                           const kafka::Bytes& batch,
                                                           std::int16_t acks = kLeader,
                                                           std::int32_t timeout_ms = kForeverMs) {
    return only(client.ask<kafka::ProduceResponse>(produce_request(topic, batch, acks, timeout_ms),
                                                   kVersion));
  }

  static kafka::FetchRequest fetch_request(const std::string& topic, std::int64_t offset,
                                           const Wait& wait) {
    kafka::FetchRequest request;
    request.max_wait_ms = wait.max_wait_ms;
    request.min_bytes = wait.min_bytes;
    request.max_bytes = wait.max_bytes;
    kafka::FetchRequest::Partition part;
    part.fetch_offset = offset;
    part.partition_max_bytes = wait.max_bytes;
    request.topics = {{topic, {part}}};
    return request;
  }
  static kafka::FetchResponse::PartitionResponse fetch(RawClient& client, const std::string& topic,
                                                       std::int64_t offset, const Wait& wait = {}) {
    return answer(
        client.ask<kafka::FetchResponse>(fetch_request(topic, offset, wait), kFetchVersion));
  }
  static kafka::FetchResponse::PartitionResponse answer(const kafka::FetchResponse& response) {
    return response.responses.at(0).partitions.at(0);
  }
  static std::vector<std::string> values(const kafka::FetchResponse::PartitionResponse& part) {
    EXPECT_EQ(part.error_code, 0);
    return values_in(part.records ? part.records->whole() : kafka::Records::Piece{});
  }
  static std::pair<std::int64_t, std::int64_t> offset_at(RawClient& client,
                                                         const std::string& topic,
                                                         std::int64_t timestamp) {
    kafka::ListOffsetsRequest request;
    kafka::ListOffsetsRequest::Partition part;
    part.timestamp = timestamp;
    request.topics = {{topic, {part}}};
    const auto found =
        client.ask<kafka::ListOffsetsResponse>(request, 7).topics.at(0).partitions.at(0);
    EXPECT_EQ(found.error_code, 0);
    return {found.offset, found.timestamp};
  }
  void create(const std::string& name,
              const std::map<std::string, std::string>& configs = small_slots()) {
    Bus bus = bus_.open();
    create_topic(bus, name, 1, configs);
  }

  TemporaryBus bus_;
};

TEST_F(RecordsOfKafkaClients, come_back_as_they_were_sent) {
  create("t");
  RawClient client = connect();
  const auto first = produce(client, "t", batch_of({"a", "b"}));
  EXPECT_EQ(first.error_code, 0);
  EXPECT_EQ(first.base_offset, 0);
  EXPECT_EQ(produce(client, "t", batch_of({"c"})).base_offset, 2);
  const auto part = fetch(client, "t", 0);
  EXPECT_THAT(values(part), ElementsAre("0:a", "1:b", "2:c"));
  EXPECT_EQ(part.high_watermark, 3);
  EXPECT_EQ(part.log_start_offset, 0);
}

TEST_F(RecordsOfKafkaClients, travel_over_the_unix_socket_as_well) {
  create("t");
  RawClient client(bus_);
  EXPECT_EQ(produce(client, "t", batch_of({"local"})).base_offset, 0);
  EXPECT_THAT(values(fetch(client, "t", 0)), ElementsAre("0:local"));
}

TEST_F(RecordsOfKafkaClients, stand_in_one_order_with_native_ones) {
  create("t");
  RawClient client = connect();
  Bus bus = bus_.open();
  Appender appender(bus, {"t", 0});
  appender.append("n0");
  produce(client, "t", batch_of({"k1", "k2"}));
  appender.append("n3");
  appender.append("n4");
  produce(client, "t", batch_of({"k5"}));
  EXPECT_THAT(values(fetch(client, "t", 0)),
              ElementsAre("0:n0", "1:k1", "2:k2", "3:n3", "4:n4", "5:k5"));
  EXPECT_THAT(values(fetch(client, "t", 4)), ElementsAre("4:n4", "5:k5"));
  // A batch is whole, also where the first of its records was not asked for.
  EXPECT_THAT(values(fetch(client, "t", 2)), ElementsAre("1:k1", "2:k2", "3:n3", "4:n4", "5:k5"));
}

// A claim that was given up leaves offsets without a record: whoever stands before them goes on.
TEST_F(RecordsOfKafkaClients, are_not_waited_for_where_an_offset_is_void) {
  create("t");
  Bus bus = bus_.open();
  Appender appender(bus, {"t", 0});
  appender.append("a");
  appender.claim(100).abort();
  RawClient client = connect();
  const auto part = fetch(client, "t", 1, {.max_wait_ms = kForeverMs});
  EXPECT_EQ(part.high_watermark, 2);
  const auto batch = kafka::RecordBatch::parse(part.records->whole(), kafka::CheckCrc::yes);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->header().record_count, 0);
  EXPECT_EQ(batch->header().base_offset + batch->header().offset_count(), 2);
  appender.append("b");
  EXPECT_THAT(values(fetch(client, "t", 0)), ElementsAre("0:a", "2:b"));
}

TEST_F(RecordsOfKafkaClients, keep_keys_headers_and_times_of_native_ones) {
  create("t");
  Bus bus = bus_.open();
  Appender appender(bus, {"t", 0});
  const std::array headers{Header{"h", "1"}, Header{"n", std::nullopt}};
  ProducerRecord record;
  record.key = "key";
  record.timestamp_ns = 1'234'567'891;
  record.headers = headers;
  appender.append(record);
  RawClient client = connect();
  const auto part = fetch(client, "t", 0);
  const auto batch = kafka::RecordBatch::parse(part.records->whole(), kafka::CheckCrc::yes).value();
  kafka::RecordWalk walk(batch, batch.payload());
  ASSERT_TRUE(walk.next());
  EXPECT_EQ(walk.record().timestamp_ms, 1234);
  EXPECT_EQ(walk.record().key, "key");
  EXPECT_FALSE(walk.record().value);
  ASSERT_EQ(walk.record().header_count, 2U);
}

TEST_F(RecordsOfKafkaClients, are_given_in_pieces_of_the_wanted_size_but_at_least_one_batch) {
  create("t");
  RawClient client = connect();
  const std::string large(5000, 'x');
  for (int i = 0; i < 5; ++i) produce(client, "t", batch_of({large}));
  EXPECT_EQ(values(fetch(client, "t", 0, {.max_bytes = 1})).size(), 1U);
  EXPECT_EQ(values(fetch(client, "t", 1, {.max_bytes = 11'000})).size(), 2U);
  EXPECT_EQ(values(fetch(client, "t", 3, {.max_bytes = 1 << 20})).size(), 2U);
}

TEST_F(RecordsOfKafkaClients, are_found_again_when_memory_holds_them_no_longer) {
  create("t", {{"slot.bytes", "65536"}, {"memory.budget.bytes", "131072"}});
  RawClient client = connect();
  const std::string large(10'000, 'x');
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(produce(client, "t", batch_of({large}), kAll).error_code, 0);
  std::int64_t offset = 0;
  while (offset < 100) {
    const auto got = values(fetch(client, "t", offset, {.max_bytes = 45'000}));
    ASSERT_FALSE(got.empty());
    for (const std::string& value : got) EXPECT_EQ(value, std::to_string(offset++) + ":" + large);
  }
}

TEST_F(RecordsOfKafkaClients, outside_the_log_are_out_of_range) {
  create("t");
  RawClient client = connect();
  produce(client, "t", batch_of({"a"}));
  EXPECT_EQ(fetch(client, "t", 2).error_code, code(ErrorCode::offset_out_of_range));
  EXPECT_EQ(fetch(client, "t", -1).error_code, code(ErrorCode::offset_out_of_range));
  EXPECT_EQ(fetch(client, "t", 1).error_code, 0);
  EXPECT_EQ(fetch(client, "nowhere", 0).error_code, code(ErrorCode::unknown_topic_or_partition));
}

TEST_F(RecordsOfKafkaClients, are_refused_where_a_topic_does_not_take_them) {
  create("lone", {{"storage", "memory"}, {"single.producer", "true"}});
  create("small");
  RawClient client = connect();
  EXPECT_EQ(produce(client, "lone", batch_of({"a"})).error_code, code(ErrorCode::policy_violation));
  EXPECT_EQ(produce(client, "small", batch_of({std::string(20'000, 'x')})).error_code,
            code(ErrorCode::message_too_large));
  EXPECT_EQ(produce(client, "nowhere", batch_of({"a"})).error_code,
            code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(produce(client, "small", batch_of({"a"})).base_offset, 0);
}

TEST_F(RecordsOfKafkaClients, of_more_than_a_claims_worth_are_refused) {
  create("t", {{"storage", "memory"}});
  RawClient client = connect();
  kafka::BatchBuilder builder;
  for (int i = 0; i <= 65536; ++i) builder.add({i, 0, std::nullopt, std::nullopt});
  EXPECT_EQ(produce(client, "t", builder.finish()).error_code, code(ErrorCode::message_too_large));
}

TEST_F(RecordsOfKafkaClients, get_the_brokers_time_where_the_topic_says_so) {
  auto configs = small_slots();
  configs["message.timestamp.type"] = "LogAppendTime";
  create("t", configs);
  RawClient client = connect();
  const auto placed = produce(client, "t", batch_of({"a"}));
  EXPECT_GT(placed.log_append_time_ms, 1'600'000'000'000);
  const auto part = fetch(client, "t", 0);
  const auto batch = kafka::RecordBatch::parse(part.records->whole(), kafka::CheckCrc::yes);
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->header().max_timestamp_ms, placed.log_append_time_ms);
}

TEST_F(RecordsOfKafkaClients, are_on_disk_when_acks_all_is_answered) {
  create("t", {{"flush.ms", "3600000"}});
  RawClient client = connect();
  EXPECT_EQ(produce(client, "t", batch_of({"a", "b"}), kAll).error_code, 0);
  Bus bus = bus_.open();
  EXPECT_GE(Appender(bus, {"t", 0}).durable_offset(), 2);
}

TEST_F(RecordsOfKafkaClients, are_waited_for_until_a_native_producer_or_a_kafka_client_comes) {
  create("t");
  RawClient reader = connect(), writer = connect();
  produce(writer, "t", batch_of({"a"}));
  reader.send_request(fetch_request("t", 1, {.max_wait_ms = kForeverMs}), kFetchVersion);
  EXPECT_EQ(fetch(writer, "t", 0).error_code, 0) << "others go on meanwhile";
  Bus bus = bus_.open();
  Appender(bus, {"t", 0}).append("native");
  EXPECT_THAT(values(answer(reader.answer<kafka::FetchResponse>(kFetchVersion))),
              ElementsAre("1:native"));
  reader.send_request(fetch_request("t", 2, {.max_wait_ms = kForeverMs}), kFetchVersion);
  produce(writer, "t", batch_of({"kafka"}));
  EXPECT_THAT(values(answer(reader.answer<kafka::FetchResponse>(kFetchVersion))),
              ElementsAre("2:kafka"));
}

TEST_F(RecordsOfKafkaClients, are_given_once_there_are_enough_of_them) {
  create("t");
  RawClient reader = connect();
  reader.send_request(fetch_request("t", 0, {.max_wait_ms = kForeverMs, .min_bytes = 3000}),
                      kFetchVersion);
  Bus bus = bus_.open();
  Appender appender(bus, {"t", 0});
  for (int i = 0; i < 100; ++i) appender.append(std::string(100, 'x'));
  const auto part = answer(reader.answer<kafka::FetchResponse>(kFetchVersion));
  EXPECT_GE(part.records->size_bytes(), 3000U);
}

TEST_F(RecordsOfKafkaClients, are_not_waited_for_longer_than_the_client_says) {
  create("t");
  RawClient reader = connect();
  const auto part = fetch(reader, "t", 0, {.max_wait_ms = 20});
  EXPECT_EQ(part.error_code, 0);
  EXPECT_TRUE(part.records->empty());
}

TEST_F(RecordsOfKafkaClients, are_waited_for_by_many_at_once) {
  create("t");
  std::vector<RawClient> readers;
  for (int i = 0; i < 50; ++i) {
    readers.push_back(connect());
    readers.back().send_request(fetch_request("t", 0, {.max_wait_ms = kForeverMs}), kFetchVersion);
  }
  Bus bus = bus_.open();
  Appender(bus, {"t", 0}).append("for all");
  for (RawClient& reader : readers)
    EXPECT_THAT(values(answer(reader.answer<kafka::FetchResponse>(kFetchVersion))),
                ElementsAre("0:for all"));
}

TEST_F(RecordsOfKafkaClients, whose_topic_goes_are_not_waited_for) {
  create("t");
  RawClient reader = connect();
  reader.send_request(fetch_request("t", 0, {.max_wait_ms = kForeverMs}), kFetchVersion);
  RawClient other = connect();
  produce(other, "t", batch_of({""}));  // by now the first is parked, or answered
  reader.answer<kafka::FetchResponse>(kFetchVersion);
  reader.send_request(fetch_request("t", 1, {.max_wait_ms = kForeverMs}), kFetchVersion);
  {
    Bus bus = bus_.open();
    bus.admin().delete_topic("t");
  }
  EXPECT_EQ(answer(reader.answer<kafka::FetchResponse>(kFetchVersion)).error_code,
            code(ErrorCode::unknown_topic_or_partition));
}

TEST_F(RecordsOfKafkaClients, are_found_by_time_among_native_ones) {
  create("t");
  RawClient client = connect();
  Bus bus = bus_.open();
  Appender appender(bus, {"t", 0});
  ProducerRecord record;
  record.value = "early";
  record.timestamp_ns = 500'000'000;
  appender.append(record);
  kafka::BatchBuilder builder;
  for (int i = 0; i < 5; ++i) builder.add({i, 1000 + i, std::nullopt, "k"});
  produce(client, "t", builder.finish());
  EXPECT_EQ(offset_at(client, "t", 0), std::pair(std::int64_t{0}, std::int64_t{500}));
  EXPECT_EQ(offset_at(client, "t", 1003), std::pair(std::int64_t{4}, std::int64_t{1003}));
  EXPECT_EQ(offset_at(client, "t", 1005), std::pair(std::int64_t{-1}, std::int64_t{-1}));
  EXPECT_EQ(offset_at(client, "t", -3), std::pair(std::int64_t{5}, std::int64_t{1004}));
  EXPECT_EQ(offset_at(client, "t", -1).first, 6);
  EXPECT_EQ(offset_at(client, "t", -2).first, 0);
}

// In whichever of a dozen files they are, also where times run backwards from one to the next.
TEST_F(RecordsOfKafkaClients, are_found_by_time_on_disk) {
  create("t", {{"slot.bytes", "65536"}, {"memory.budget.bytes", "131072"}, {"segment.bytes", "65536"}, {"retention.ms", "-1"}});
  const std::string large(10'000, 'x');
  std::vector<std::int64_t> times;
  for (int i = 0; i < 60; ++i)
    for (const int ms : {0, 5}) times.push_back(1000 + 10 * (i % 20 < 10 ? i : 60 - i) + ms);
  {
    RawClient client = connect();
    for (std::size_t i = 0; i < times.size(); i += 2) {
      kafka::BatchBuilder builder;
      builder.add({0, times[i], std::nullopt, large});
      builder.add({1, times[i + 1], std::nullopt, "second"});
      ASSERT_EQ(produce(client, "t", builder.finish(), kAll).error_code, 0);
    }
  }
  for (int broker = 0; broker < 2; ++broker, bus_.restart_broker()) {
    RawClient client = connect();
    for (std::int64_t ms = 990; ms < 1610; ms += 5) {
      const auto first = std::find_if(times.begin(), times.end(), [&](std::int64_t each) { return each >= ms; });
      EXPECT_EQ(offset_at(client, "t", ms).first, first == times.end() ? -1 : first - times.begin()) << ms << " broker " << broker;
    }
  }
}

// A log in memory that is full, and whose reader does not move.
class RecordsWithoutRoom : public RecordsOfKafkaClients {
 protected:
  RecordsWithoutRoom() : opened_(bus_.open()) {
    auto configs = small_slots(2);
    configs["full.policy"] = "block";
    create("full", configs);
    reader_.emplace(opened_, TopicPartition{"full", 0});
    writer_.emplace(connect());
    while (produce(*writer_, "full", batch_, kLeader, 50).error_code == 0) ++written_;
    EXPECT_GT(written_, 5);
  }
  Bus opened_;
  std::optional<ringmain::Reader> reader_;
  std::optional<RawClient> writer_;
  const kafka::Bytes batch_ = batch_of({std::string(8000, 'x')});
  int written_ = 0;
};

TEST_F(RecordsWithoutRoom, are_refused_when_their_time_is_up) {
  EXPECT_EQ(produce(*writer_, "full", batch_, kLeader, 20).error_code,
            code(ErrorCode::request_timed_out));
  create("other");
  RawClient other = connect();
  writer_->send_request(produce_request("full", batch_), kVersion);
  EXPECT_EQ(produce(other, "other", batch_).error_code, 0) << "others are unharmed";
}

TEST_F(RecordsWithoutRoom, do_not_come_when_their_client_has_gone) {
  {
    RawClient leaving = connect();
    leaving.send_request(produce_request("full", batch_), kVersion);
  }
  EXPECT_EQ(produce(*writer_, "full", batch_, kLeader, 20).error_code,
            code(ErrorCode::request_timed_out));
}

TEST_F(RecordsWithoutRoom, are_let_go_with_their_topic) {
  writer_->send_request(produce_request("full", batch_), kVersion);
  RawClient other = connect();
  EXPECT_EQ(produce(other, "full", batch_, kLeader, 20).error_code,
            code(ErrorCode::request_timed_out));
  {
    Bus bus = bus_.open();
    bus.admin().delete_topic("full");
  }
  EXPECT_EQ(only(writer_->answer<kafka::ProduceResponse>(kVersion)).error_code,
            code(ErrorCode::unknown_topic_or_partition));
}

TEST_F(RecordsWithoutRoom, end_with_the_broker) {
  writer_->send_request(produce_request("full", batch_), kVersion);
  RawClient poller = connect();
  poller.send_request(fetch_request("full", written_, {.max_wait_ms = kForeverMs}), kFetchVersion);
  bus_.stop_broker();
  writer_->wait_until_closed();
  poller.wait_until_closed();
}

TEST_F(RecordsOfKafkaClients, are_there_for_the_next_broker) {
  create("t");
  {
    RawClient client = connect();
    produce(client, "t", batch_of({"a", "b"}));
    fetch(client, "t", 2, {.max_wait_ms = 10});
  }
  bus_.restart_broker();
  RawClient client = connect();
  EXPECT_EQ(produce(client, "t", batch_of({"c"})).base_offset, 2);
  EXPECT_THAT(values(fetch(client, "t", 0)), ElementsAre("0:a", "1:b", "2:c"));
}

}  // namespace
}  // namespace ringmain::test
