// Consumer: assignment, subscription, positions, pauses, offsets, waking.
#include "ringmain/consumer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "bus_fixture.hpp"
#include "format/partition.hpp"

namespace ringmain::test {
namespace {

using Strings = std::vector<std::string>;
const Config kEarliest = {{"auto.offset.reset", "earliest"}};

class Consumes : public ::testing::Test {
 protected:
  Consumes() {
    create_topic(bus, "log", 2);
    create_topic(bus, "other");
  }
  void send(const char* topic, std::int32_t partition, const std::string& value, std::int64_t timestamp_ns = kTimestampNow) {
    producer.send({.topic = topic, .value = value, .partition = partition, .timestamp_ns = timestamp_ns});
  }
  static Strings values(const ConsumerRecords& records) {
    Strings list;
    for (const auto& record : records) list.emplace_back(*record.value);
    return list;
  }

  TemporaryBus folders;
  Bus bus = folders.open();
  Producer producer{bus};
  const TopicPartition log0{"log", 0}, log1{"log", 1};
};

TEST_F(Consumes, what_is_assigned_and_nothing_else) {
  Consumer consumer(bus, kEarliest);
  consumer.assign({log1, log1});
  EXPECT_EQ(consumer.assignment(), std::vector{log1});
  send("log", 0, "not this");
  send("log", 1, "this");
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"this"});
  EXPECT_TRUE(consumer.poll(kNow).empty());
}

TEST_F(Consumes, latest_by_default) {
  send("log", 0, "before");
  Consumer consumer(bus);
  consumer.assign({log0});
  EXPECT_TRUE(consumer.poll(kNow).empty());
  send("log", 0, "after");
  const ConsumerRecords& records = consumer.poll(kForever);
  EXPECT_EQ(values(records), Strings{"after"});
  EXPECT_EQ(records[0].offset, 1);
  EXPECT_EQ(records[0].topic, "log");
}

TEST_F(Consumes, every_partition_of_what_is_subscribed) {
  Consumer consumer(bus, kEarliest);
  consumer.subscribe({"log", "other"});
  EXPECT_EQ(consumer.assignment().size(), 3u);
  send("log", 0, "a");
  send("log", 1, "b");
  send("other", 0, "c");
  std::multiset<std::string> seen;
  while (seen.size() < 3)
    for (const auto& value : values(consumer.poll(kForever))) seen.insert(value);
  EXPECT_EQ(seen, (std::multiset<std::string>{"a", "b", "c"}));
}

TEST_F(Consumes, partitions_that_were_added_are_noticed_while_it_waits_and_read_from_their_start) {
  Consumer consumer(bus, {{"metadata.max.age.ms", "10"}});
  consumer.subscribe({"log"});
  std::thread grower([&] {
    Bus another = folders.open();
    another.admin().add_partitions("log", 4);
    Producer(another).send({.topic = "log", .value = "new", .partition = 3});
  });
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"new"});
  EXPECT_EQ(consumer.assignment().size(), 4u);
  grower.join();
}

TEST_F(Consumes, a_new_assignment_keeps_the_places_of_what_stays) {
  for (const char* value : {"a", "b", "c"}) send("log", 0, value);
  auto configs = kEarliest;
  configs["max.poll.records"] = "1";
  Consumer consumer(bus, configs);
  consumer.assign({log0});
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"a"});
  consumer.assign({log0, log1});
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"b"});
  consumer.assign({log1});
  EXPECT_TRUE(consumer.poll(kNow).empty());
  consumer.assign({});
  EXPECT_TRUE(consumer.assignment().empty());
}

TEST_F(Consumes, a_refused_assignment_leaves_the_old_one) {
  send("log", 0, "a");
  Consumer consumer(bus, kEarliest);
  consumer.assign({log0});
  expect_error([&] { consumer.assign({log0, log1, {"log", 7}}); }, ErrorCode::unknown_topic_or_partition, {"7"});
  EXPECT_EQ(consumer.assignment(), std::vector{log0});
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"a"});
}

TEST_F(Consumes, a_refused_subscription_leaves_the_old_one) {
  Consumer consumer(bus, kEarliest);
  consumer.subscribe({"log"});
  expect_error([&] { consumer.subscribe({"other", "nothing"}); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  send("log", 0, "a");
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"a"});
}

TEST_F(Consumes, from_wherever_it_is_sent) {
  for (const char* value : {"a", "b", "c"}) send("log", 0, value);
  Consumer consumer(bus);
  consumer.assign({log0});
  EXPECT_EQ(consumer.position(log0), 3);
  consumer.seek(log0, 1);
  EXPECT_EQ(consumer.position(log0), 1);
  EXPECT_EQ(values(consumer.poll(kForever)), (Strings{"b", "c"}));
  EXPECT_EQ(consumer.position(log0), 3);
  consumer.seek_to_beginning({log0});
  EXPECT_EQ(values(consumer.poll(kForever)), (Strings{"a", "b", "c"}));
  consumer.seek_to_end({log0});
  EXPECT_TRUE(consumer.poll(kNow).empty());
  consumer.seek(log0, 3);  // just behind the newest is a place, too
  send("log", 0, "d");
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"d"});
}

TEST_F(Consumes, a_place_that_is_not_there_falls_back_as_auto_offset_reset_says) {
  send("log", 0, "a");
  Consumer earliest(bus, kEarliest), latest(bus), none(bus, {{"auto.offset.reset", "none"}});
  for (Consumer* consumer : {&earliest, &latest, &none}) consumer->assign({log0});
  earliest.seek(log0, 1000);
  EXPECT_EQ(earliest.position(log0), 0);
  latest.seek(log0, 1000);
  EXPECT_EQ(latest.position(log0), 1);
  expect_error([&] { none.seek(log0, 1000); }, ErrorCode::offset_out_of_range, {"1000", "log-0"});
}

TEST_F(Consumes, senseless_places_are_refused) {
  Consumer consumer(bus);
  consumer.assign({log0});
  expect_error([&] { consumer.seek(log0, -1); }, ErrorCode::invalid_argument, {"-1"});
  expect_error([&] { consumer.seek(log1, 0); }, ErrorCode::invalid_state, {"log-1"});
  expect_error([&] { consumer.position(log1); }, ErrorCode::invalid_state, {"log-1"});
  expect_error([&] { consumer.pause({log1}); }, ErrorCode::invalid_state, {"log-1"});
}

TEST_F(Consumes, nothing_of_a_paused_partition_until_it_is_resumed) {
  Consumer consumer(bus, kEarliest);
  consumer.assign({log0, log1});
  consumer.pause({log0});
  EXPECT_EQ(consumer.paused(), std::vector{log0});
  send("log", 0, "later");
  send("log", 1, "now");
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"now"});
  EXPECT_TRUE(consumer.poll(kNow).empty());
  consumer.resume({log0});
  EXPECT_TRUE(consumer.paused().empty());
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"later"});
}

TEST_F(Consumes, no_more_at_once_than_max_poll_records_and_all_partitions_get_a_share) {
  auto configs = kEarliest;
  configs["max.poll.records"] = "10";
  Consumer consumer(bus, configs);
  consumer.assign({log0, log1});
  for (int i = 0; i < 50; ++i) {
    send("log", 0, "a");
    send("log", 1, "b");
  }
  std::size_t total = 0;
  while (total < 100) {
    const ConsumerRecords& records = consumer.poll(kForever);
    ASSERT_LE(records.count(), 10u);
    const Strings got = values(records);
    if (total < 80) {
      EXPECT_EQ(std::count(got.begin(), got.end(), "a"), 5);
    }
    total += records.count();
  }
}

TEST_F(Consumes, beginning_and_end_offsets_and_offsets_by_time) {
  for (const std::int64_t ms : {100, 200, 200, 300}) send("log", 0, "v", ms * 1'000'000);
  Consumer consumer(bus);
  EXPECT_EQ(consumer.beginning_offsets({log0, log1}), (std::map<TopicPartition, std::int64_t>{{log0, 0}, {log1, 0}}));
  EXPECT_EQ(consumer.end_offsets({log0, log1}), (std::map<TopicPartition, std::int64_t>{{log0, 4}, {log1, 0}}));
  const auto at = [&](std::int64_t ms) { return consumer.offsets_for_times({{log0, ms}}).at(log0); };
  EXPECT_EQ(at(0)->offset, 0);
  EXPECT_EQ(at(INT64_MIN)->offset, 0);
  EXPECT_EQ(at(101)->offset, 1);
  EXPECT_EQ(at(200)->offset, 1);
  EXPECT_EQ(at(200)->timestamp_ns, 200'000'000);
  EXPECT_EQ(at(201)->offset, 3);
  EXPECT_FALSE(at(301));
  EXPECT_FALSE(at(INT64_MAX));
  EXPECT_FALSE(consumer.offsets_for_times({{log1, 0}}).at(log1));
  expect_error([&] { consumer.end_offsets({{"log", 9}}); }, ErrorCode::unknown_topic_or_partition, {"9"});
}

TEST_F(Consumes, a_wakeup_ends_a_poll_that_waits_whatever_it_waits_for) {
  for (const char* strategy : {"spin", "yield", "sleep"}) {
    Consumer consumer(bus, {{"wait.strategy", strategy}});
    consumer.assign({log0});
    std::thread waker([&] { consumer.wakeup(); });
    EXPECT_TRUE(consumer.poll(kForever).empty());
    waker.join();
    consumer.assign({});
    std::thread again([&] { consumer.wakeup(); });
    EXPECT_TRUE(consumer.poll(kForever).empty());
    again.join();
  }
}

TEST_F(Consumes, a_wakeup_before_the_poll_counts_for_the_next_one_only) {
  send("log", 0, "a");
  Consumer consumer(bus, kEarliest);
  consumer.assign({log0});
  consumer.wakeup();
  EXPECT_TRUE(consumer.poll(kForever).empty());
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"a"});
}

TEST_F(Consumes, a_sleeping_consumer_is_woken_by_a_record) {
  Consumer consumer(bus);
  consumer.assign({log0, log1});
  std::thread sender([&] {
    Bus another = folders.open();
    wait_until([&] { return another.admin().describe_locks("log").find("\"sleeping\":true") != std::string::npos; });
    Producer(another).send({.topic = "log", .value = "good morning", .partition = 1});
  });
  EXPECT_EQ(values(consumer.poll(kForever)), Strings{"good morning"});
  sender.join();
}

TEST_F(Consumes, two_hundred_partitions_asleep_and_any_of_them_wakes_it) {
  create_topic(bus, "wide", 200, small_slots(2));
  Consumer consumer(bus);
  consumer.subscribe({"wide"});
  Bus another = folders.open();
  for (const std::int32_t partition : {0, 63, 64, 137, 199}) {
    std::thread sender([&] {
      Appender appender(another, {"wide", partition});
      wait_until([&] {
        const std::string locks = another.admin().describe_locks("wide");
        const std::string sleeping = "\"sleeping\":true";
        std::size_t count = 0;
        for (auto at = locks.find(sleeping); at != std::string::npos; at = locks.find(sleeping, at + 1)) ++count;
        return count >= 200;
      });
      appender.append(std::to_string(partition));
    });
    EXPECT_EQ(values(consumer.poll(kForever)), Strings{std::to_string(partition)});
    sender.join();
  }
}

TEST_F(Consumes, records_of_sound_partitions_although_one_was_deleted) {
  Consumer consumer(bus, kEarliest);
  consumer.assign({log0, log1, {"other", 0}});
  for (int i = 0; i < 100; ++i) {
    send("log", 0, "a" + std::to_string(i));
    send("log", 1, "b" + std::to_string(i));
  }
  bus.admin().delete_topic("other");
  Strings seen;
  bool told = false;
  while (seen.size() < 200 || !told) {
    const auto error = error_of([&] {
      for (const auto& value : values(consumer.poll(kForever))) seen.push_back(value);
    });
    if (!error) continue;
    EXPECT_EQ(error->code, ErrorCode::unknown_topic_or_partition) << error->message;
    told = true;
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 200u);
}

TEST_F(Consumes, settings_are_checked) {
  const auto refused = [&](const std::string& key, const std::string& value, std::initializer_list<const char*> words) {
    expect_error([&] { Consumer(bus, {{key, value}}); }, ErrorCode::invalid_config, words);
  };
  refused("group.size", "7", {"group.size", "group.id"});
  refused("auto.offset.reset", "now", {"now", "earliest"});
  refused("max.poll.records", "0", {"max.poll.records=0"});
  refused("wait.strategy", "nap", {"nap", "sleep"});
}

TEST_F(Consumes, offsets_by_time_are_exact_in_every_segment_also_where_timestamps_run_backwards) {
  // Ten seconds a record, but every third is stamped half a minute early: six segments.
  std::vector<std::int64_t> stamps_ms;
  for (std::int64_t i = 0; i < 350; ++i) stamps_ms.push_back(1'000'000 + 10'000 * i - (i % 3 == 2 ? 30'000 : 0));
  for (const std::int64_t ms : stamps_ms) send("log", 0, std::string(1000, 'x'), ms * 1'000'000);
  Consumer consumer(bus);
  for (std::int64_t ms = 900'000; ms < 4'700'000; ms += 70'000) {
    const auto expected = std::find_if(stamps_ms.begin(), stamps_ms.end(), [&](std::int64_t at) { return at >= ms; });
    const auto found = consumer.offsets_for_times({{log0, ms}}).at(log0);
    ASSERT_EQ(found.has_value(), expected != stamps_ms.end()) << ms;
    if (found) {
      EXPECT_EQ(found->offset, expected - stamps_ms.begin()) << ms;
    }
  }
}

TEST_F(Consumes, offsets_by_time_are_found_without_reading_what_is_much_older) {
  for (std::int64_t i = 0; i < 300; ++i) send("log", 0, std::string(1000, 'x'), i * 10'000'000'000);
  {  // a record of the oldest segment becomes unreadable: its size leads out of the segment
    std::fstream file(folders.partition_files(".log").at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(format::slots_at_for(8) + format::kSegmentHeaderBytes));
    const std::int32_t size = 0x7fffffff;
    file.write(reinterpret_cast<const char*>(&size), sizeof(size));
  }
  Consumer consumer(bus);
  expect_error([&] { consumer.offsets_for_times({{log0, 0}}); }, ErrorCode::corrupt_memory, {"log-0"});
  EXPECT_EQ(consumer.offsets_for_times({{log0, 2'000'000}}).at(log0)->offset, 200);
  EXPECT_EQ(consumer.offsets_for_times({{log0, 2'990'000}}).at(log0)->offset, 299);
  EXPECT_FALSE(consumer.offsets_for_times({{log0, 2'990'001}}).at(log0));
}

}  // namespace
}  // namespace ringmain::test
