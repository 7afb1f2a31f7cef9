// Producer: where records go, what is reported, which settings it takes.
#include "ringmain/producer.hpp"

#include <gtest/gtest.h>

#include <set>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

class Produces : public ::testing::Test {
 protected:
  Produces() { create_topic(bus, "log", 4); }

  TemporaryBus folders;
  Bus bus = folders.open();
};

TEST_F(Produces, equal_keys_go_to_the_partition_that_java_chooses) {
  Producer producer(bus);
  const std::int32_t expected = (-973932308 & 0x7fffffff) % 4;
  for (std::int64_t offset = 0; offset < 3; ++offset) {
    const RecordMetadata sent = producer.send_sync({.topic = "log", .key = "21", .value = "v"});
    EXPECT_EQ(sent.partition, expected);
    EXPECT_EQ(sent.offset, offset);
    EXPECT_GT(sent.timestamp_ns, 0);
  }
}

TEST_F(Produces, a_given_partition_beats_the_partitioner) {
  Producer producer(bus);
  EXPECT_EQ(producer.send_sync({.topic = "log", .key = "21", .value = "v", .partition = 3}).partition, 3);
}

TEST_F(Produces, ones_own_partitioner_is_asked_with_topic_key_and_count) {
  struct Own final : Partitioner {
    std::int32_t partition(std::string_view topic, std::optional<Bytes> key, std::int32_t partitions) override {
      EXPECT_EQ(topic, "log");
      EXPECT_EQ(partitions, 4);
      return key ? 2 : 99;
    }
  };
  Producer producer(bus);
  producer.set_partitioner(std::make_unique<Own>());
  EXPECT_EQ(producer.send_sync({.topic = "log", .key = "k"}).partition, 2);
  expect_error([&] { producer.send({.topic = "log"}); }, ErrorCode::invalid_argument, {"99", "log", "4"});
}

TEST_F(Produces, partitions_that_are_not_there_are_refused) {
  Producer producer(bus);
  expect_error([&] { producer.send({.topic = "log", .partition = 4}); }, ErrorCode::unknown_topic_or_partition, {"4"});
  expect_error([&] { producer.send({.topic = "log", .partition = -2}); }, ErrorCode::invalid_argument, {"-2"});
  expect_error([&] { producer.send({.topic = "nothing"}); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  expect_error([&] { producer.send({.topic = ""}); }, ErrorCode::invalid_topic);
  EXPECT_EQ(producer.send_sync({.topic = "log", .value = "v", .partition = 0}).offset, 0);
}

TEST_F(Produces, a_partition_that_was_added_is_reached_at_once_when_named) {
  Producer producer(bus);
  producer.send({.topic = "log", .value = "v"});
  bus.admin().add_partitions("log", 6);
  EXPECT_EQ(producer.send_sync({.topic = "log", .value = "v", .partition = 5}).partition, 5);
}

TEST_F(Produces, partitions_that_were_added_are_noticed_when_the_view_is_too_old) {
  Producer producer(bus, {{"partitioner", "round-robin"}, {"metadata.max.age.ms", "0"}});
  producer.send({.topic = "log", .value = "v"});
  bus.admin().add_partitions("log", 6);
  wait_until([&] { return producer.send_sync({.topic = "log", .value = "v"}).partition == 5; });
}

TEST_F(Produces, each_record_is_reported_once) {
  Producer producer(bus);
  int delivered = 0, failed = 0;
  const DeliveryCallback count = [&](const RecordMetadata& record, const Error* error) {
    if (error == nullptr) {
      ++delivered;
      EXPECT_EQ(record.partition, 1);
    } else {
      ++failed;
      EXPECT_EQ(error->code, ErrorCode::message_too_large) << error->message;
    }
  };
  producer.send({.topic = "log", .value = "v", .partition = 1}, count);
  producer.send({.topic = "log", .value = std::string(20000, 'x'), .partition = 1}, count);
  producer.send({.topic = "log", .value = "v", .partition = 1}, nullptr);
  producer.poll();
  producer.flush();
  EXPECT_EQ(delivered, 1);
  EXPECT_EQ(failed, 1);
}

TEST_F(Produces, a_topic_that_was_deleted_and_made_again_is_found) {
  Producer producer(bus);
  for (int i = 0; i < 8; ++i) producer.send({.topic = "log", .value = "old", .partition = i % 4});
  bus.admin().delete_topic("log");
  expect_error([&] { producer.send({.topic = "log", .value = "x", .partition = 3}); }, ErrorCode::unknown_topic_or_partition,
               {"log"});
  create_topic(bus, "log", 2);
  EXPECT_EQ(producer.send_sync({.topic = "log", .value = "new", .partition = 1}).offset, 0);
  EXPECT_LT(producer.send_sync({.topic = "log", .key = "k", .value = "new"}).partition, 2);
  EXPECT_EQ(folders.partition_files(".log").size(), 2u);
}

TEST_F(Produces, settings_are_checked) {
  const auto refused = [&](const std::string& key, const std::string& value, std::initializer_list<const char*> words) {
    expect_error([&] { Producer(bus, {{key, value}}); }, ErrorCode::invalid_config, words);
  };
  refused("ack", "1", {"ack", "acks"});
  refused("acks", "2", {"acks=2", "all"});
  refused("partitioner", "murmur3", {"murmur3", "murmur2"});
  refused("max.block.ms", "soon", {"max.block.ms=soon"});
  refused("max.block.ms", "-1", {"max.block.ms=-1"});
  for (const char* acks : {"0", "1", "all", "-1"})
    EXPECT_EQ(Producer(bus, {{"acks", acks}}).send_sync({.topic = "log", .partition = 0}).partition, 0);
}

TEST_F(Produces, two_threads_with_producers_of_their_own_lose_nothing_and_keep_their_order) {
  constexpr int kRecords = 20000;
  create_topic(bus, "big", 1, {{"memory.budget.bytes", "33554432"}});
  std::vector<std::thread> threads;
  for (const char* name : {"a", "b"})
    threads.emplace_back([&, name] {
      Producer producer(bus);
      for (int i = 0; i < kRecords; ++i)
        producer.send({.topic = "big", .key = name, .value = std::to_string(i), .partition = 0});
    });
  Reader reader(bus, {"big", 0});
  std::map<std::string, int> next;
  for (std::int64_t offset = 0; offset < 2 * kRecords; ++offset) {
    ASSERT_NE(reader.next(kForever).data(), nullptr);
    const ConsumerRecord& record = reader.record();
    ASSERT_EQ(record.offset, offset);
    ASSERT_EQ(*record.value, std::to_string(next[std::string(*record.key)]++));
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(reader.try_next().data(), nullptr);
}

TEST_F(Produces, partitions_that_were_added_are_noticed_by_the_next_record_if_no_age_is_allowed) {
  Producer producer(bus, {{"partitioner", "round-robin"}, {"metadata.max.age.ms", "0"}});
  producer.send({.topic = "log", .value = "v"});
  bus.admin().add_partitions("log", 6);
  std::set<std::int32_t> seen;
  for (int i = 0; i < 6; ++i) seen.insert(producer.send_sync({.topic = "log", .value = "v"}).partition);
  EXPECT_EQ(seen, (std::set<std::int32_t>{0, 1, 2, 3, 4, 5}));
}

TEST_F(Produces, goes_on_when_its_bus_moves_or_goes) {
  std::optional<Bus> first(folders.open());
  Producer producer(*first);
  Consumer consumer(*first, {{"auto.offset.reset", "earliest"}});
  std::optional<Bus> second(std::move(*first));
  first.reset();
  producer.send({.topic = "log", .value = "moved", .partition = 0});
  consumer.subscribe({"log"});
  EXPECT_EQ(consumer.poll(kForever).count(), 1u);
  second.reset();
  producer.send({.topic = "log", .value = "gone", .partition = 1});
  EXPECT_EQ(consumer.poll(kForever).count(), 1u);
}

}  // namespace
}  // namespace ringmain::test
