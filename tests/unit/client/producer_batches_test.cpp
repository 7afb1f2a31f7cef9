// Producer with linger.ms and compression.type: what is gathered, when it goes, and what is reported of it.
#include <gtest/gtest.h>

#include <set>

#include "bus_fixture.hpp"
#include "ringmain/producer.hpp"
#include "unit/client/varied_records.hpp"

namespace ringmain::test {
namespace {

constexpr const char* kForeverMs = "100000000";

std::map<std::string, std::string> with_small_records() {
  auto configs = small_slots();
  configs["max.message.bytes"] = "1000";
  return configs;
}

class ProducesBatches : public ::testing::Test {
 protected:
  ProducesBatches() { create_topic(bus, "log", 4); }

  // All that is in a partition, by polls.
  std::vector<std::string> values(const std::string& topic, std::int32_t partition, std::size_t count) {
    Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
    consumer.assign({{topic, partition}});
    std::vector<std::string> values;
    while (values.size() < count)
      for (const ConsumerRecord& record : consumer.poll(kForever)) {
        EXPECT_EQ(record.offset, static_cast<std::int64_t>(values.size()));
        values.emplace_back(record.value.value_or("(null)"));
      }
    EXPECT_TRUE(consumer.poll(std::chrono::nanoseconds(0)).empty());
    return values;
  }
  std::int64_t end_of(std::int32_t partition) {
    return Consumer(bus).end_offsets({{"log", partition}}).begin()->second;
  }

  TemporaryBus folders;
  Bus bus = folders.open();
};

TEST_F(ProducesBatches, of_each_kind_come_back_record_for_record) {
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    create_topic(bus, codec);
    Producer producer(bus, {{"compression.type", codec}, {"linger.ms", kForeverMs}, {"batch.size", "2000"}});
    send_varied_records(producer, codec);
    expect_varied_records(bus, codec);
  }
}

TEST_F(ProducesBatches, and_single_records_of_others_keep_their_order) {
  Producer batches(bus, {{"linger.ms", kForeverMs}}), single(bus);
  batches.send({.topic = "log", .value = "1", .partition = 0}, nullptr);
  EXPECT_EQ(batches.send_sync({.topic = "log", .value = "2", .partition = 0}).offset, 1);
  EXPECT_EQ(single.send_sync({.topic = "log", .value = "3", .partition = 0}).offset, 2);
  batches.send({.topic = "log", .value = "4", .partition = 0}, nullptr);
  batches.flush();
  EXPECT_EQ(values("log", 0, 4), (std::vector<std::string>{"1", "2", "3", "4"}));
}

TEST_F(ProducesBatches, wait_until_they_are_full) {
  Producer producer(bus, {{"linger.ms", kForeverMs}, {"batch.size", "1000"}});
  for (int i = 0; end_of(0) == 0; ++i) {
    ASSERT_LT(i, 10);
    producer.send({.topic = "log", .value = std::string(190, 'x'), .partition = 0}, nullptr);
  }
  EXPECT_GT(end_of(0), 1);
  EXPECT_EQ(end_of(1), 0);
  const std::int64_t before = end_of(0);
  producer.send({.topic = "log", .value = std::string(5000, 'x'), .partition = 0}, nullptr);  // alone in its batch
  EXPECT_GT(end_of(0), before);
}

TEST_F(ProducesBatches, go_by_themselves_when_linger_is_over) {
  Producer producer(bus, {{"linger.ms", "30"}});
  std::set<std::int64_t> offsets;
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i)
    producer.send({.topic = "log", .value = "v", .partition = 2}, [&](const RecordMetadata& sent, const Error* error) {
      EXPECT_EQ(error, nullptr);
      offsets.insert(sent.offset);
    });
  EXPECT_EQ(end_of(2), 0);
  wait_until([&] { return end_of(2) == 3; });  // nobody calls the producer
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(30));
  EXPECT_TRUE(offsets.empty());
  producer.poll();
  EXPECT_EQ(offsets, (std::set<std::int64_t>{0, 1, 2}));
}

TEST_F(ProducesBatches, that_are_refused_are_reported_record_by_record) {
  Producer producer(bus, {{"linger.ms", kForeverMs}});
  int delivered = 0, refused = 0;
  const DeliveryCallback count = [&](const RecordMetadata& sent, const Error* error) {
    if (error == nullptr) {
      ++delivered;
    } else {
      EXPECT_EQ(error->code, ErrorCode::message_too_large) << error->message;
      EXPECT_EQ(sent.offset, -1);
      ++refused;
    }
  };
  producer.send({.topic = "log", .value = "v", .partition = 1}, count);
  producer.send({.topic = "log", .value = std::string(20000, 'x'), .partition = 1}, count);
  producer.send({.topic = "log", .value = "v", .partition = 1}, count);
  producer.flush();
  EXPECT_EQ(delivered, 2);
  EXPECT_EQ(refused, 1);
  producer.send({.topic = "log", .value = "v", .partition = 1});
  expect_error([&] {
    producer.send({.topic = "log", .value = std::string(20000, 'x'), .partition = 1});
    producer.flush();
  }, ErrorCode::message_too_large, {"log-1"});
  producer.flush();
  EXPECT_EQ(end_of(1), 3);
  expect_error([&] { producer.send_sync({.topic = "log", .value = std::string(20000, 'x'), .partition = 1}); },
               ErrorCode::message_too_large);
  expect_error([&] { producer.send({.topic = "nothing", .value = "x"}); producer.flush(); },
               ErrorCode::unknown_topic_or_partition, {"nothing"});
}

TEST_F(ProducesBatches, that_compress_well_may_be_larger_than_a_record) {
  Producer producer(bus, {{"compression.type", "zstd"}, {"batch.size", "1000000"}, {"linger.ms", kForeverMs}});
  for (int i = 0; i < 20; ++i) producer.send({.topic = "log", .value = std::string(10000, 'x'), .partition = 0}, nullptr);
  producer.flush();
  EXPECT_EQ(values("log", 0, 20), std::vector<std::string>(20, std::string(10000, 'x')));
}

TEST_F(ProducesBatches, that_the_topic_finds_too_large_are_cut) {
  for (const std::string codec : {"none", "gzip", "zstd"}) {
    create_topic(bus, codec, 1, with_small_records());
    Producer producer(bus, {{"compression.type", codec}, {"linger.ms", kForeverMs}, {"batch.size", "1000000"}});
    send_varied_records(producer, codec);
    expect_varied_records(bus, codec);
  }
}

// Of 1,000 bytes that no codec makes smaller, and their headers, a topic that takes 1,000 takes none.
TEST_F(ProducesBatches, that_are_cut_are_refused_only_where_a_record_alone_is_too_large) {
  std::string noise;
  for (std::uint32_t i = 0, x = 1; i < 1000; ++i, x = x * 1664525 + 1013904223) noise += static_cast<char>(x >> 24);
  for (const std::string codec : {"none", "gzip"}) {
    create_topic(bus, codec, 1, with_small_records());
    Producer producer(bus, {{"compression.type", codec}, {"linger.ms", kForeverMs}, {"batch.size", "1000000"}});
    std::vector<std::int64_t> offsets;
    const DeliveryCallback note = [&](const RecordMetadata& sent, const Error* error) {
      EXPECT_EQ(error != nullptr, sent.offset == -1);
      if (error != nullptr) {
        EXPECT_EQ(error->code, ErrorCode::message_too_large);
      }
      offsets.push_back(sent.offset);
    };
    for (const std::size_t bytes : {100, 850, 1000, 1000, 10, 850, 20})
      producer.send({.topic = codec, .value = noise.substr(0, bytes)}, note);
    producer.flush();
    EXPECT_EQ(offsets, (std::vector<std::int64_t>{0, 1, -1, -1, 2, 3, 4}));

    producer.send({.topic = codec, .value = noise.substr(0, 800)}, nullptr);
    expect_error([&] { producer.send_sync({.topic = codec, .value = noise}); }, ErrorCode::message_too_large, {"-0"});
    producer.send({.topic = codec, .value = noise}, nullptr);
    EXPECT_EQ(producer.send_sync({.topic = codec, .value = noise.substr(0, 800)}).offset, 6);
    // Compressed it is larger than it may be.
    EXPECT_EQ(producer.send_sync({.topic = codec, .value = noise.substr(0, 925)}).offset, 7);
  }
}

TEST_F(ProducesBatches, of_a_compacted_topic_are_refused_only_where_a_record_alone_is_too_large) {
  create_topic(bus, "compacted", 1, {{"cleanup.policy", "compact"}, {"max.message.bytes", "1000"}});
  Producer producer(bus, {{"linger.ms", kForeverMs}, {"batch.size", "1000000"}});
  std::vector<std::int64_t> offsets;
  const DeliveryCallback note = [&](const RecordMetadata& sent, const Error*) { offsets.push_back(sent.offset); };
  for (const std::size_t bytes : {10, 2000, 20, 2000})
    producer.send({.topic = "compacted", .key = "k", .value = std::string(bytes, 'x')}, note);
  EXPECT_EQ(producer.send_sync({.topic = "compacted", .key = "k", .value = "last"}).offset, 2);
  producer.flush();
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{0, -1, 1, -1}));
}

TEST_F(ProducesBatches, callbacks_may_send) {
  Producer producer(bus, {{"linger.ms", kForeverMs}});
  int calls = 0;
  DeliveryCallback again;
  again = [&](const RecordMetadata&, const Error* error) {
    EXPECT_EQ(error, nullptr);
    if (++calls < 3) producer.send({.topic = "log", .value = "v", .partition = 0}, again);
  };
  producer.send({.topic = "log", .value = "v", .partition = 0}, again);
  for (int i = 0; i < 3; ++i) producer.flush();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(end_of(0), 3);
}

TEST_F(ProducesBatches, of_a_topic_that_is_compacted_are_single_records) {
  create_topic(bus, "compacted", 1, {{"cleanup.policy", "compact"}});
  Producer producer(bus, {{"compression.type", "gzip"}, {"linger.ms", kForeverMs}});
  const Header headers[] = {{"h", "1"}};
  std::vector<std::int64_t> offsets;
  for (const char* key : {"a", "b", "a"})
    producer.send({.topic = "compacted", .key = key, .value = "v", .headers = headers},
                  [&](const RecordMetadata& sent, const Error*) { offsets.push_back(sent.offset); });
  producer.flush();
  EXPECT_EQ(offsets, (std::vector<std::int64_t>{0, 1, 2}));
  Reader reader(bus, {"compacted", 0});
  ASSERT_NE(reader.next(kForever).data(), nullptr);
  EXPECT_EQ(reader.record().key, "a");
  EXPECT_EQ(reader.record().headers(), std::vector<Header>(std::begin(headers), std::end(headers)));
}

TEST_F(ProducesBatches, are_on_disk_when_they_are_acknowledged_by_all) {
  create_topic(bus, "disk", 1, {});
  Producer producer(bus, {{"acks", "all"}, {"compression.type", "lz4"}});
  int delivered = 0;
  for (int i = 0; i < 100; ++i)
    producer.send({.topic = "disk", .value = std::to_string(i)}, [&](const RecordMetadata& sent, const Error* error) {
      EXPECT_EQ(error, nullptr);
      EXPECT_LT(sent.offset, producer.durable_offset({"disk", 0}));
      ++delivered;
    });
  producer.flush();
  EXPECT_EQ(delivered, 100);
  EXPECT_EQ(producer.send_sync({.topic = "disk", .value = "v"}).offset, 100);
  EXPECT_EQ(producer.durable_offset({"disk", 0}), 101);
}

TEST_F(ProducesBatches, reach_a_topic_that_was_deleted_and_made_again) {
  Producer producer(bus, {{"linger.ms", kForeverMs}});
  producer.send_sync({.topic = "log", .value = "old", .partition = 1});
  bus.admin().delete_topic("log");
  create_topic(bus, "log", 2);
  producer.send({.topic = "log", .value = "1", .partition = 1}, nullptr);
  producer.send({.topic = "log", .value = "2", .partition = 1}, nullptr);
  producer.flush();
  EXPECT_EQ(values("log", 1, 2), (std::vector<std::string>{"1", "2"}));
}

TEST_F(ProducesBatches, that_are_open_when_the_producer_goes_are_published) {
  {
    Producer producer(bus, {{"linger.ms", kForeverMs}});
    for (int i = 0; i < 4; ++i) producer.send({.topic = "log", .value = "v", .partition = i}, nullptr);
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(end_of(i), 1);
}

TEST_F(ProducesBatches, go_to_a_single_producers_topic_too) {
  auto configs = small_slots();
  configs["single.producer"] = "true";
  create_topic(bus, "mine", 1, configs);
  Producer producer(bus, {{"linger.ms", kForeverMs}, {"batch.size", "500"}});
  for (int i = 0; i < 1000; ++i) producer.send({.topic = "mine", .value = std::to_string(i)}, nullptr);
  producer.flush();
  const auto got = values("mine", 0, 1000);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], std::to_string(i));
}

TEST_F(ProducesBatches, settings_are_checked) {
  for (const auto& setting : Config{{"compression.type", "brotli"}, {"linger.ms", "-1"}, {"batch.size", "many"}})
    expect_error([&] { Producer(bus, {setting}); }, ErrorCode::invalid_config, {setting.first.c_str()});
}

}  // namespace
}  // namespace ringmain::test
