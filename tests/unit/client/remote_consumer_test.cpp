// Consumers over TCP: what they read, where they begin, and what they say of what is not there.
// How they share partitions in a group: consumer_group_test.cpp.
#include <gtest/gtest.h>

#include <set>

#include "bus_fixture.hpp"
#include "client/remote_cluster.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/compression.hpp"
#include "kafka/generated/produce.hpp"

namespace ringmain::test {
namespace {

using Strings = std::vector<std::string>;
const Config kEarliest = {{"auto.offset.reset", "earliest"}};

Bus open_remote(const std::string& address) {
  BusOptions options;
  options.bootstrap = address;
  return Bus::open(options);
}

class RemoteConsumes : public ::testing::Test {
 protected:
  RemoteConsumes() {
    folders.options().listeners = {"127.0.0.1:0"};
    folders.start_broker();
    folders.options().listeners = folders.broker().listener_addresses();  // the next one's, too
    local.emplace(folders.open());
    producer.emplace(*local);
    create_topic(*local, "log", 2);
    create_topic(*local, "other");
    bus.emplace(open_remote(address()));
  }
  std::string address() { return folders.options().listeners.at(0); }

  void send(const char* topic, std::int32_t partition, const std::string& value,
            std::int64_t timestamp_ns = kTimestampNow) {
    producer->send(
        {.topic = topic, .value = value, .partition = partition, .timestamp_ns = timestamp_ns});
  }
  static Strings values(const ConsumerRecords& records) {
    Strings list;
    for (const auto& record : records) list.emplace_back(record.value.value_or("null"));
    return list;
  }
  // At least so many.
  static Strings read(Consumer& consumer, std::size_t count) {
    Strings list;
    while (list.size() < count)
      for (const std::string& value : values(consumer.poll(kForever))) list.push_back(value);
    return list;
  }

  TemporaryBus folders{TemporaryBus::Start::later};
  std::optional<Bus> local, bus;
  std::optional<Producer> producer;
  const TopicPartition log0{"log", 0}, log1{"log", 1};
};

TEST_F(RemoteConsumes, what_is_assigned_and_nothing_else) {
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log1, log1});
  EXPECT_EQ(consumer.assignment(), std::vector{log1});
  send("log", 0, "not this");
  send("log", 1, "this");
  EXPECT_EQ(read(consumer, 1), Strings{"this"});
  EXPECT_EQ(consumer.position(log1), 1);
}

TEST_F(RemoteConsumes, latest_by_default_and_from_the_time_of_the_assignment) {
  send("log", 0, "before");
  Consumer consumer(*bus);
  consumer.assign({log0});
  send("log", 0, "after");
  const ConsumerRecords& records = consumer.poll(kForever);
  EXPECT_EQ(values(records), Strings{"after"});
  EXPECT_EQ(records[0].offset, 1);
  EXPECT_EQ(records[0].topic, "log");
}

TEST_F(RemoteConsumes, keys_headers_times_and_what_is_null) {
  const std::vector<Header> headers{{"a", "1"}, {"b", std::nullopt}, {"", ""}};
  producer->send({.topic = "log",
                  .key = "k",
                  .value = "v",
                  .partition = 0,
                  .timestamp_ns = 1'700'000'000'123'000'000,
                  .headers = headers});
  producer->send({.topic = "log", .partition = 0});
  producer->send({.topic = "log", .key = "", .value = "", .partition = 0});
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log0});
  const ConsumerRecords& records = consumer.poll(kForever);
  ASSERT_EQ(records.count(), 3u);
  EXPECT_EQ(records[0].key, "k");
  EXPECT_EQ(records[0].value, "v");
  EXPECT_EQ(records[0].timestamp_ns, 1'700'000'000'123'000'000);
  EXPECT_EQ(records[0].headers(), headers);
  EXPECT_EQ(records[1].key, std::nullopt);
  EXPECT_EQ(records[1].value, std::nullopt);
  EXPECT_TRUE(records[1].headers().empty());
  EXPECT_EQ(records[2].key, "");
  EXPECT_EQ(records[2].value, "");
}

TEST_F(RemoteConsumes, batches_of_every_codec) {
  for (const char* codec : {"gzip", "snappy", "lz4", "zstd"}) {
    Producer packed(*local, {{"compression.type", codec}, {"linger.ms", "1000"}});
    for (int i = 0; i < 20; ++i)
      packed.send({.topic = "log", .value = codec + std::to_string(i), .partition = 0}, nullptr);
    packed.flush();
  }
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log0});
  const Strings seen = read(consumer, 80);
  EXPECT_EQ(seen.at(0), "gzip0");
  EXPECT_EQ(seen.at(79), "zstd19");
  consumer.seek(log0, 25);
  EXPECT_EQ(read(consumer, 1).at(0), "snappy5") << "reading begins in the middle of a batch";
}

// A Kafka producer may give a header a longer name than ours can have.
TEST_F(RemoteConsumes, a_record_whose_headers_cannot_be_told_is_an_error_and_never_given_without_them) {
  create_topic(*local, "wide", 1, {{"slot.bytes", "4194304"}});
  const std::string name(70'000, 'n');
  const std::vector<kafka::RecordHeader> headers{{name, "v"}};
  kafka::BatchBuilder builder;
  builder.add({0, 1'700'000'000'000, std::nullopt, "odd"}, headers);
  builder.add({1, 1'700'000'000'000, std::nullopt, "sound"});
  const kafka::Bytes batch = builder.finish();
  kafka::ProduceRequest request;
  request.acks = 1;
  request.timeout_ms = 10'000;
  request.topic_data = {{"wide", {{0, kafka::Records(batch)}}}};
  const auto cluster = client::RemoteCluster::open(address(), "test");
  const auto said = (*cluster)->ask<kafka::ProduceResponse>(request, client::To::any(), {7, 7});
  ASSERT_EQ(said->response.responses.at(0).partition_responses.at(0).error_code, 0);
  for (Bus* one : {&*bus, &*local}) {
    Consumer consumer(*one, kEarliest);
    consumer.assign({{"wide", 0}});
    Strings seen;
    int refusals = 0;
    while (seen.empty()) {
      try {
        for (const std::string& value : values(consumer.poll(kForever))) seen.push_back(value);
      } catch (const Exception&) {
        ++refusals;
      }
    }
    EXPECT_EQ(seen, Strings{"sound"});
    EXPECT_EQ(refusals, 1);
  }
}

TEST_F(RemoteConsumes, every_partition_of_what_is_subscribed_and_those_that_are_added) {
  Consumer consumer(*bus, {{"auto.offset.reset", "earliest"}, {"metadata.max.age.ms", "10"}});
  consumer.subscribe({"log", "other"});
  EXPECT_EQ(consumer.assignment().size(), 3u);
  send("log", 0, "a");
  send("log", 1, "b");
  send("other", 0, "c");
  const Strings seen = read(consumer, 3);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()),
            (std::set<std::string>{"a", "b", "c"}));
  local->admin().add_partitions("log", 4);
  producer.reset();
  Producer(*local).send({.topic = "log", .value = "new", .partition = 3});
  EXPECT_EQ(read(consumer, 1), Strings{"new"});
}

TEST_F(RemoteConsumes, a_refused_assignment_or_subscription_leaves_the_old_one) {
  send("log", 0, "a");
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log0});
  expect_error(
      [&] {
        consumer.assign({log0, {"log", 7}});
      },
      ErrorCode::unknown_topic_or_partition, {"7"});
  expect_error([&] { consumer.subscribe({"nothing"}); }, ErrorCode::unknown_topic_or_partition,
               {"nothing"});
  EXPECT_EQ(consumer.assignment(), std::vector{log0});
  EXPECT_EQ(read(consumer, 1), Strings{"a"});
  EXPECT_EQ(local->admin().list_topics().size(), 2u) << "asking makes no topic";
}

TEST_F(RemoteConsumes, from_wherever_it_is_sent) {
  for (const char* value : {"a", "b", "c"}) send("log", 0, value);
  Consumer consumer(*bus);
  consumer.assign({log0});
  EXPECT_EQ(consumer.position(log0), 3);
  consumer.seek(log0, 1);
  EXPECT_EQ(consumer.position(log0), 1);
  EXPECT_EQ(read(consumer, 2), (Strings{"b", "c"}));
  consumer.seek_to_beginning({log0});
  EXPECT_EQ(consumer.position(log0), 0);
  EXPECT_EQ(read(consumer, 3), (Strings{"a", "b", "c"}));
  consumer.seek_to_end({log0});
  EXPECT_EQ(consumer.position(log0), 3);
  consumer.seek(log0, 3);  // just behind the newest is a place, too
  send("log", 0, "d");
  EXPECT_EQ(read(consumer, 1), Strings{"d"});
}

TEST_F(RemoteConsumes, a_place_that_is_not_there_falls_back_as_auto_offset_reset_says) {
  send("log", 0, "a");
  Consumer earliest(*bus, kEarliest), latest(*bus), none(*bus, {{"auto.offset.reset", "none"}});
  for (Consumer* consumer : {&earliest, &latest, &none}) {
    consumer->assign({log0});
    consumer->seek(log0, 1000);
  }
  EXPECT_EQ(read(earliest, 1), Strings{"a"});
  while (latest.position(log0) != 1) latest.poll(kNow);
  for (int i = 0; i < 2; ++i)  // until somebody seeks
    expect_error([&] { none.poll(kForever); }, ErrorCode::offset_out_of_range, {"1000", "log-0"});
  none.seek(log0, 0);
  EXPECT_EQ(read(none, 1), Strings{"a"});
  Consumer nowhere(*bus, {{"auto.offset.reset", "none"}});
  nowhere.assign({log0});
  expect_error([&] { nowhere.poll(kForever); }, ErrorCode::offset_out_of_range, {"log-0"});
}

TEST_F(RemoteConsumes, a_reader_that_the_logs_start_overtakes_goes_on_there_and_is_told) {
  for (int i = 0; i < 10; ++i) send("log", 0, std::to_string(i));
  Consumer consumer(*bus, {{"auto.offset.reset", "latest"},
                           {"max.partition.fetch.bytes", "1"},
                           {"max.poll.records", "1"}});
  consumer.assign({log0});
  consumer.seek(log0, 0);
  EXPECT_EQ(read(consumer, 1), Strings{"0"});
  const std::string large(10'000, 'x');
  for (int i = 0; i < 100; ++i) send("log", 0, large);  // the memory has room for some 50
  std::uint64_t lost = 0;
  while (lost == 0) lost = consumer.poll(kForever).lost();
  EXPECT_GT(lost, 20u);
  EXPECT_EQ(read(consumer, 1).at(0).size(), large.size())
      << "not at the end, where reset points to";
}

TEST_F(RemoteConsumes, nothing_of_a_paused_partition_until_it_is_resumed) {
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log0, log1});
  consumer.pause({log0});
  EXPECT_EQ(consumer.paused(), std::vector{log0});
  send("log", 0, "later");
  send("log", 1, "now");
  EXPECT_EQ(read(consumer, 1), Strings{"now"});
  consumer.resume({log0});
  EXPECT_EQ(read(consumer, 1), Strings{"later"});
}

TEST_F(RemoteConsumes, no_more_at_once_than_max_poll_records_and_all_partitions_get_a_share) {
  Consumer consumer(*bus, {{"auto.offset.reset", "earliest"}, {"max.poll.records", "10"}});
  for (int i = 0; i < 50; ++i) {
    send("log", 0, "a");
    send("log", 1, "b");
  }
  consumer.assign({log0, log1});
  std::ptrdiff_t left_a = 50, left_b = 50;
  bool both_have_come = false;  // the first answer may have records of one of them only
  while (left_a + left_b > 0) {
    const ConsumerRecords& records = consumer.poll(kForever);
    ASSERT_LE(records.count(), 10u);
    const Strings got = values(records);
    const auto of_a = std::ranges::count(got, "a"), of_b = std::ranges::count(got, "b");
    if (both_have_come && left_a >= 10 && left_b >= 10) {
      EXPECT_EQ(of_a, 5);
      EXPECT_EQ(of_b, 5);
    }
    both_have_come = both_have_come || (of_a > 0 && of_b > 0);
    left_a -= of_a;
    left_b -= of_b;
  }
  EXPECT_TRUE(left_a == 0 && left_b == 0);
}

TEST_F(RemoteConsumes,
       a_log_that_is_larger_than_an_answer_comes_in_several_and_views_stay_until_the_next_poll) {
  create_topic(*local, "large", 1, small_slots(64));
  for (int i = 0; i < 200; ++i) send("large", 0, std::to_string(i) + std::string(5000, 'x'));
  Consumer consumer(*bus,
                    {{"auto.offset.reset", "earliest"}, {"max.partition.fetch.bytes", "12000"}});
  consumer.subscribe({"large"});
  int next = 0;
  while (next < 200) {
    const ConsumerRecords& records = consumer.poll(kForever);
    for (const ConsumerRecord& record : records) {
      ASSERT_EQ(record.offset, next);
      ASSERT_TRUE(record.value->starts_with(std::to_string(next) + "x"));
      ++next;
    }
  }
}

TEST_F(RemoteConsumes, beginning_and_end_offsets_and_offsets_by_time) {
  for (const std::int64_t ms : {100, 200, 200, 300}) send("log", 0, "v", ms * 1'000'000);
  Consumer consumer(*bus);
  EXPECT_EQ(consumer.beginning_offsets({log0, log1}),
            (std::map<TopicPartition, std::int64_t>{{log0, 0}, {log1, 0}}));
  EXPECT_EQ(consumer.end_offsets({log0, log1}),
            (std::map<TopicPartition, std::int64_t>{{log0, 4}, {log1, 0}}));
  const auto at = [&](std::int64_t ms) {
    return consumer.offsets_for_times({{log0, ms}}).at(log0);
  };
  EXPECT_EQ(at(0)->offset, 0);
  EXPECT_EQ(at(200)->offset, 1);
  EXPECT_EQ(at(200)->timestamp_ns, 200'000'000);
  EXPECT_EQ(at(201)->offset, 3);
  EXPECT_FALSE(at(301));
  expect_error(
      [&] {
        consumer.end_offsets({{"log", 9}});
      },
      ErrorCode::unknown_topic_or_partition, {"9"});
  consumer.assign({log0});
  EXPECT_EQ(consumer.log_start_offset(log0), 0);
  expect_error([&] { consumer.durable_offset(log0); }, ErrorCode::unsupported_version,
               {"log-0", "shared memory"});
}

TEST_F(RemoteConsumes, a_wakeup_ends_a_poll_that_waits) {
  Consumer consumer(*bus, {{"fetch.max.wait.ms", "600000"}});
  consumer.assign({log0});
  std::thread waker([&] { consumer.wakeup(); });
  EXPECT_TRUE(consumer.poll(kForever).empty());
  waker.join();
  consumer.wakeup();
  EXPECT_TRUE(consumer.poll(kForever).empty());
}

TEST_F(RemoteConsumes, records_of_sound_partitions_although_one_was_deleted) {
  Consumer consumer(*bus, kEarliest);
  consumer.assign({log0, {"other", 0}});
  for (int i = 0; i < 100; ++i) send("log", 0, "a" + std::to_string(i));
  bus->admin().delete_topic("other");
  std::set<std::string> seen;
  bool told = false;
  while (seen.size() < 100 || !told) {
    const auto error = error_of([&] {
      for (const auto& value : values(consumer.poll(kForever))) seen.insert(value);
    });
    if (!error) continue;
    EXPECT_EQ(error->code, ErrorCode::unknown_topic_or_partition) << error->message;
    told = true;
  }
}

TEST_F(RemoteConsumes, reading_goes_on_when_the_broker_is_another) {
  Consumer consumer(*bus, kEarliest);
  consumer.subscribe({"log"});
  send("log", 0, "a");
  EXPECT_EQ(read(consumer, 1), Strings{"a"});
  folders.stop_broker();
  EXPECT_TRUE(consumer.poll(std::chrono::milliseconds(300)).empty());
  folders.start_broker();
  send("log", 0, "b");
  EXPECT_EQ(read(consumer, 1), Strings{"b"});
}

TEST_F(RemoteConsumes, what_cannot_be_over_tcp_and_what_is_for_tcp_only_is_refused) {
  for (const char* strategy : {"spin", "yield"})
    expect_error(
        [&] {
          Consumer(*bus, {{"wait.strategy", strategy}});
        },
        ErrorCode::invalid_config, {strategy, "shared memory"});
  Consumer(*bus, {{"wait.strategy", "sleep"}});
  for (const char* key :
       {"fetch.min.bytes", "fetch.max.wait.ms", "fetch.max.bytes", "max.partition.fetch.bytes"}) {
    expect_error(
        [&] {
          Consumer(*local, {{key, "1"}});
        },
        ErrorCode::invalid_config, {key, "bootstrap"});
    expect_error([&] { Consumer(*bus, {{key, "-1"}}); }, ErrorCode::invalid_config, {key});
  }
}

TEST_F(RemoteConsumes, a_fetch_waits_for_fetch_min_bytes) {
  Consumer consumer(*bus, {{"auto.offset.reset", "earliest"},
                           {"fetch.min.bytes", "1000"},
                           {"fetch.max.wait.ms", "600000"}});
  consumer.assign({log0});
  send("log", 0, "a");
  EXPECT_TRUE(consumer.poll(std::chrono::milliseconds(50)).empty());
  send("log", 0, std::string(1000, 'b'));
  EXPECT_EQ(read(consumer, 2).size(), 2u);
}

}  // namespace
}  // namespace ringmain::test
