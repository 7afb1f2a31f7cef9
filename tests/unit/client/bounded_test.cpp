// Topics in bounded memory: who waits, what is dropped and counted, and what stays where it is.
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

std::map<std::string, std::string> bounded(const char* policy, std::uint32_t slots = 4, const char* single = "false") {
  auto configs = small_slots(slots);
  configs["full.policy"] = policy;
  configs["single.producer"] = single;
  return configs;
}
// Long enough for a broker that a busy machine keeps waiting: else a topic seems full that is not yet.
const AppenderOptions kImpatient{std::chrono::milliseconds(300)};
const std::string kValue(1000, 'x');

class Bounded : public ::testing::TestWithParam<const char*> {
 protected:
  TemporaryBus folders;
  Bus bus = folders.open();
  const TopicPartition log{"log", 0};

  // Until there is no room; how many records there was room for.
  std::int64_t fill() {
    Appender appender(bus, log, kImpatient);
    std::optional<Error> error;
    std::int64_t records = 0;
    while (!error) {
      error = error_of([&] { appender.append(kValue); });
      if (!error) ++records;
    }
    EXPECT_EQ(error->code, ErrorCode::no_space);
    EXPECT_NE(error->message.find("log-0"), std::string::npos) << error->message;
    EXPECT_NE(error->message.find("ringmain log locks"), std::string::npos) << error->message;
    return records;
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, Bounded, ::testing::Values("false", "true"),
                         [](const auto& test) { return std::string(test.param) == "true" ? "alone" : "shared"; });

TEST_P(Bounded, block_without_a_reader_says_no_space_when_the_budget_is_used_up) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  EXPECT_GT(fill(), 3 * 65536 / 1056 - 4);
  Appender appender(bus, log, kImpatient);
  EXPECT_FALSE(appender.try_append(kValue));
  EXPECT_FALSE(appender.try_claim(1000));
}

TEST_P(Bounded, block_goes_on_when_the_reader_does_and_loses_nothing) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  Reader reader(bus, log);
  std::thread writer([&] {
    Bus another = folders.open();
    Appender appender(another, log);
    for (int i = 0; i < 5000; ++i) appender.append(std::to_string(i) + kValue);
  });
  for (std::int64_t i = 0; i < 5000; ++i) {
    const Bytes value = reader.next(kForever);
    ASSERT_EQ(value, std::to_string(i) + kValue);
    ASSERT_EQ(reader.record().offset, i);
  }
  writer.join();
  EXPECT_EQ(reader.lost(), 0u);
}

TEST_P(Bounded, block_waits_for_the_slowest_reader) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  Reader slow(bus, log), fast(bus, log);
  const std::int64_t records = fill();
  EXPECT_EQ(static_cast<std::int64_t>(read_all(fast).size()), records);
  EXPECT_EQ(fill(), 0) << "one reader is still at the start";
  EXPECT_EQ(static_cast<std::int64_t>(read_all(slow).size()), records);
  EXPECT_GT(fill(), 0);
}

TEST_P(Bounded, block_goes_on_when_the_slow_reader_is_closed) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  std::optional<Reader> slow(std::in_place, bus, log);
  Reader fast(bus, log);
  fill();
  read_all(fast);
  slow.reset();
  EXPECT_GT(fill(), 0);
}

// Memory is full, and a producer waits for it, when the next consumer comes: it has passed nothing before it is where it
// shall read.
TEST_P(Bounded, block_keeps_what_a_group_has_not_read_for_its_next_consumer) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  std::int64_t end = fill();
  const auto join = [&](const char* reset) {
    Consumer consumer(bus, {{"group.id", "g"}, {"auto.offset.reset", reset}, {"enable.auto.commit", "false"}, {"max.poll.records", "7"}});
    consumer.assign({log});
    return consumer;
  };
  std::int64_t next = 0;
  {
    Consumer first = join("earliest");
    while (next == 0) next += static_cast<std::int64_t>(first.poll(kForever).count());
    first.commit_sync();
  }
  std::thread writer([&] {
    Bus another = folders.open();
    Appender appender(another, log);
    for (int i = 0; i < 500; ++i) appender.append(kValue);
  });
  wait_until([&] { return bus.admin().describe_locks("log").find("\"waiting_producers\":1") != std::string::npos; });
  end += 500;
  Consumer second = join("latest");
  while (next < end) {
    const ConsumerRecords& polled = second.poll(kForever);
    for (const ConsumerRecord& record : polled) ASSERT_EQ(record.offset, next++);
    ASSERT_EQ(polled.lost(), 0u);
  }
  writer.join();
}

// auto.offset.reset=latest says where it begins, until it is told otherwise.
TEST_P(Bounded, block_keeps_what_was_not_read_for_one_that_is_assigned_and_then_seeks) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  const std::int64_t end = fill() + 500;
  std::thread writer([&] {
    Bus another = folders.open();
    Appender appender(another, log);
    for (int i = 0; i < 500; ++i) appender.append(kValue);
  });
  wait_until([&] { return bus.admin().describe_locks("log").find("\"waiting_producers\":1") != std::string::npos; });
  Consumer consumer(bus);
  consumer.assign({log});
  EXPECT_NE(bus.admin().describe_locks("log").find("\"holds_all\":true"), std::string::npos);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for a broker that thinks otherwise
  std::int64_t next = 5;
  consumer.seek(log, next);
  while (next < end)
    for (const ConsumerRecord& record : consumer.poll(kForever)) ASSERT_EQ(record.offset, next++);
  writer.join();
  EXPECT_EQ(bus.admin().describe_locks("log").find("\"holds_all\":true"), std::string::npos);
}

TEST_P(Bounded, block_keeps_what_was_not_read_from_one_that_seeks_beyond_the_end) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  const std::int64_t end = fill() + 500;
  Consumer consumer(bus, {{"auto.offset.reset", "none"}});
  consumer.assign({log});
  std::thread writer([&] {
    Bus another = folders.open();
    Appender appender(another, log);
    for (int i = 0; i < 500; ++i) appender.append(kValue);
  });
  wait_until([&] { return bus.admin().describe_locks("log").find("\"waiting_producers\":1") != std::string::npos; });
  consumer.seek(log, 3);
  expect_error([&] { consumer.seek(log, 1'000'000); }, ErrorCode::offset_out_of_range, {"log-0", "1000000"});
  EXPECT_EQ(consumer.position(log), 3);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for a broker that thinks otherwise
  std::int64_t next = 3;
  while (next < end)
    for (const ConsumerRecord& record : consumer.poll(kForever)) ASSERT_EQ(record.offset, next++);
  writer.join();
}

TEST_P(Bounded, drop_oldest_counts_what_went_while_a_seek_failed) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  Appender appender(bus, log);
  appender.append(kValue);
  Consumer consumer(bus, {{"auto.offset.reset", "none"}, {"max.poll.records", "1"}});
  consumer.assign({log});
  consumer.seek(log, 0);
  ASSERT_EQ(consumer.poll(kForever).count(), 1u);
  for (int i = 0; i < 2000; ++i) appender.append(kValue);
  expect_error([&] { consumer.seek(log, 1'000'000); }, ErrorCode::offset_out_of_range, {"log-0"});
  const std::int64_t next = consumer.position(log);
  EXPECT_GT(next, 1) << "what it stood in was held by its pin alone";
  const ConsumerRecords& polled = consumer.poll(kForever);
  EXPECT_EQ(polled.begin()->offset, next);
  EXPECT_EQ(polled.lost(), static_cast<std::uint64_t>(next - 1));
}

TEST_P(Bounded, a_seek_that_fails_within_a_batch_leaves_the_rest_of_it) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  {
    Producer producer(bus, {{"linger.ms", "10000"}});
    for (int i = 0; i < 10; ++i) producer.send({.topic = "log", .value = std::to_string(i)});
    producer.flush();
  }
  Consumer consumer(bus, {{"auto.offset.reset", "none"}, {"max.poll.records", "3"}});
  consumer.assign({log});
  consumer.seek(log, 0);
  ASSERT_EQ(consumer.poll(kForever).count(), 3u);
  expect_error([&] { consumer.seek(log, 11); }, ErrorCode::offset_out_of_range, {"log-0"});
  EXPECT_EQ(consumer.position(log), 3);
  const ConsumerRecords& polled = consumer.poll(kForever);
  EXPECT_EQ(polled.begin()->offset, 3);
  EXPECT_EQ(*polled.begin()->value, "3");
}

TEST_P(Bounded, drop_oldest_counts_what_it_dropped_and_the_rest_is_intact) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  Reader reader(bus, log);
  ASSERT_EQ(reader.try_next().data(), nullptr);
  constexpr std::int64_t kRecords = 5000;
  {
    Appender appender(bus, log);
    for (std::int64_t i = 0; i < kRecords; ++i) appender.append(std::to_string(i) + kValue);
  }
  std::int64_t next = -1, read = 0;
  std::uint64_t gaps = 0;
  for (Bytes value = reader.try_next(); value.data() != nullptr; value = reader.try_next()) {
    const std::int64_t offset = reader.record().offset;
    ASSERT_EQ(value, std::to_string(offset) + kValue);
    ASSERT_GT(offset, next);
    gaps += static_cast<std::uint64_t>(offset - next - 1);
    next = offset;
    ++read;
  }
  EXPECT_EQ(next, kRecords - 1);
  EXPECT_GT(gaps, 0u);
  EXPECT_EQ(reader.lost(), gaps);
  EXPECT_EQ(read + static_cast<std::int64_t>(gaps), kRecords);
}

TEST_P(Bounded, a_consumer_is_told_in_the_poll_that_skips) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  consumer.assign({log});
  Appender appender(bus, log);
  for (int i = 0; i < 1000; ++i) appender.append(kValue);
  std::uint64_t lost = 0, got = 0;
  while (lost + got < 1000) {
    const ConsumerRecords& records = consumer.poll(kForever);
    lost += records.lost();
    got += records.count();
  }
  EXPECT_EQ(lost + got, 1000u);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(consumer.poll(kNow).lost(), 0u);
}

TEST_P(Bounded, views_of_a_pinned_segment_stay_as_they_are_while_the_log_goes_round) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  Appender appender(bus, log);
  for (int i = 0; i < 20; ++i) appender.append(std::to_string(i) + kValue);
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  consumer.assign({log});
  const ConsumerRecords& records = consumer.poll(kForever);
  ASSERT_EQ(records.count(), 20u);
  for (int i = 0; i < 3000; ++i) appender.append(std::string(1500, 'y'));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*records[static_cast<std::size_t>(i)].value, std::to_string(i) + kValue);
}

TEST_P(Bounded, drop_oldest_goes_on_with_the_smallest_budget_while_a_reader_is_stopped) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 2, GetParam()));
  Reader stopped(bus, log);
  {
    Appender appender(bus, log);
    for (int i = 0; i < 2000; ++i) appender.append(std::to_string(i) + kValue);
  }
  EXPECT_EQ(stopped.next(kForever), "0" + kValue) << "its segment has waited for it";
}

TEST_P(Bounded, drop_oldest_has_no_room_only_when_readers_pin_all_of_it) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 3, GetParam()));
  std::optional<Reader> reader(std::in_place, bus, log);
  {
    Appender appender(bus, log);
    for (int i = 0; i < 200; ++i) appender.append(kValue);
  }
  const Reader later(bus, log);  // in another segment
  while (fill() != 0) {
  }
  const std::string locks = bus.admin().describe_locks("log");
  EXPECT_NE(locks.find("\"held_by\":\"reader\""), std::string::npos) << locks;
  reader.reset();
  Appender appender(bus, log);
  for (int i = 0; i < 1000; ++i) appender.append(kValue);
}

TEST_P(Bounded, an_earlier_offset_than_the_oldest_is_out_of_range) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 4, GetParam()));
  Appender appender(bus, log);
  for (int i = 0; i < 3000; ++i) appender.append(kValue);
  Consumer consumer(bus, {{"auto.offset.reset", "none"}});
  consumer.assign({log});
  const std::int64_t oldest = consumer.beginning_offsets({log}).at(log);
  EXPECT_GT(oldest, 0);
  consumer.seek(log, oldest);
  expect_error([&] { consumer.seek(log, oldest - 1); }, ErrorCode::offset_out_of_range, {"log-0"});
  EXPECT_EQ(consumer.end_offsets({log}).at(log), 3000);
}

TEST_P(Bounded, seeking_finds_every_record_of_every_segment) {
  create_topic(bus, "log", 1, bounded("drop-oldest", 8, GetParam()));
  Appender appender(bus, log);
  for (int i = 0; i < 300; ++i) appender.append(std::to_string(i) + kValue);
  Consumer consumer(bus, {{"auto.offset.reset", "none"}, {"max.poll.records", "1"}});
  consumer.assign({log});
  for (int i = 299; i >= 0; --i) {
    consumer.seek(log, i);
    const ConsumerRecords& records = consumer.poll(kForever);
    ASSERT_EQ(records.count(), 1u);
    ASSERT_EQ(*records[0].value, std::to_string(i) + kValue);
  }
}

// A topic that goes away under its users.

TEST_P(Bounded, a_producer_and_a_reader_are_told_that_their_topic_is_deleted) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  Appender appender(bus, log);
  Reader reader(bus, log);
  Consumer consumer(bus);
  consumer.assign({log});
  appender.append("before");
  EXPECT_EQ(reader.next(kForever), "before");
  std::thread deleter([&] {
    Bus another = folders.open();
    wait_until([&] { return another.admin().describe_locks("log").find("\"sleeping\":true") != std::string::npos; });
    another.admin().delete_topic("log");
  });
  expect_error([&] { reader.next(kForever); }, ErrorCode::unknown_topic_or_partition, {"log", "deleted"});
  deleter.join();
  for (const auto& call : std::initializer_list<std::function<void()>>{
           [&] { appender.append("after"); }, [&] { appender.try_append("after"); }, [&] { appender.claim(5); },
           [&] { reader.try_next(); }, [&] { consumer.seek(log, 0); }, [&] { consumer.seek_to_end({log}); },
           [&] { consumer.seek_to_beginning({log}); }})
    expect_error(call, ErrorCode::unknown_topic_or_partition, {"log"});
  while (!error_of([&] { consumer.poll(kForever); })) {
  }
  expect_error([&] { consumer.poll(kForever); }, ErrorCode::unknown_topic_or_partition, {"log", "deleted"});
}

TEST_P(Bounded, a_producer_that_waits_for_room_is_told_that_its_topic_is_deleted) {
  create_topic(bus, "log", 1, bounded("block", 4, GetParam()));
  fill();
  std::thread deleter([&] {
    Bus another = folders.open();
    wait_until([&] { return another.admin().describe_locks("log").find("\"waiting_producers\":1") != std::string::npos; });
    another.admin().delete_topic("log");
  });
  Appender appender(bus, log);
  expect_error([&] { for (;;) appender.append(kValue); }, ErrorCode::unknown_topic_or_partition, {"log", "deleted"});
  deleter.join();
}

TEST(Waiting, the_longest_time_that_can_be_said_is_no_time_that_has_passed) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, bounded("block"));
  Appender appender(bus, {"log", 0}, {std::chrono::milliseconds::max()});
  Reader reader(bus, {"log", 0});
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) appender.append(kValue);
  });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(reader.next(std::chrono::nanoseconds::max()), kValue);
  writer.join();
}

}  // namespace
}  // namespace ringmain::test
