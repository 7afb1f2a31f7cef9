// Clients of persistent topics, against a broker that writes to disk: acknowledgements that mean
// the disk, and reading what memory no longer holds.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "bus_fixture.hpp"
#include "client/bus_impl.hpp"
#include "client/partition_reader.hpp"

namespace ringmain::test {
namespace {

const std::string kValue(1000, 'x');

class Persistent : public ::testing::Test {
 protected:
  Persistent() { create("log"); }
  ~Persistent() override {
    if (HasFailure())
      for (const std::string& line : folders.log()) std::cerr << "broker: " << line << '\n';
  }

  void create(const std::string& name, std::map<std::string, std::string> more = {}) {
    auto configs = small_slots(3);
    configs["storage"] = "disk";
    configs["segment.bytes"] = "131072";  // two segments a file
    configs["retention.ms"] = "-1";         // records are dated long ago
    configs.merge(more);
    create_topic(bus, name, 1, configs);
  }
  std::string value(std::int64_t offset) const { return std::to_string(offset) + kValue; }
  // Appends records whose values name their offsets, and time stamps of 1000 s each.
  void fill(std::int64_t records) {
    Appender appender(bus, log);
    for (std::int64_t i = 0; i < records; ++i, ++end) {
      const std::string text = value(end);
      ASSERT_EQ(appender.append({.topic = "log", .value = text, .timestamp_ns = (end + 1) * kStep}),
                end);
    }
    if (records > 0) {
      ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
    }
  }
  void expect_all_from(Reader& reader, std::int64_t offset) {
    for (; offset < end; ++offset) {
      ASSERT_EQ(reader.next(kForever), value(offset));
      ASSERT_EQ(reader.record().offset, offset);
      ASSERT_EQ(reader.record().timestamp_ns, (offset + 1) * kStep);
    }
    EXPECT_EQ(reader.try_next().data(), nullptr);
    EXPECT_EQ(reader.lost(), 0u);
  }
  std::vector<std::filesystem::path> log_files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folders.directory()))
      if (entry.path().extension() == ".log" && entry.path().filename() != "broker.log")
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  static constexpr std::int64_t kStep = 1'000'000'000'000;
  TemporaryBus folders;
  Bus bus = folders.open();
  const TopicPartition log{"log", 0};
  std::int64_t end = 0;
};

TEST_F(Persistent, a_record_that_was_waited_for_is_on_disk) {
  Appender appender(bus, log);
  EXPECT_TRUE(appender.is_persistent());
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(appender.append("v"), i);
    EXPECT_TRUE(appender.wait_durable(i, kForever));
    EXPECT_GT(appender.durable_offset(), i);
  }
  EXPECT_FALSE(appender.wait_durable(20, kNow)) << "not there yet";
  EXPECT_FALSE(appender.wait_durable(20, std::chrono::milliseconds(2)));
  expect_error([&] { appender.wait_durable(-1, kNow); }, ErrorCode::invalid_argument, {"-1"});
}

TEST_F(Persistent, of_a_memory_topic_there_is_nothing_to_wait_for) {
  create_topic(bus, "memory");
  Appender appender(bus, {"memory", 0});
  appender.append("v");
  EXPECT_FALSE(appender.is_persistent());
  EXPECT_EQ(appender.durable_offset(), 0);
  expect_error([&] { appender.wait_durable(0, kForever); }, ErrorCode::invalid_state,
               {"memory-0", "storage=disk"});
  Producer producer(bus, {{"acks", "all"}});
  EXPECT_EQ(producer.send_sync({.topic = "memory", .value = "w"}).offset, 1);
  bool told = false;
  producer.send({.topic = "memory", .value = "x"},
                [&](const RecordMetadata& sent, const Error* error) {
                  told = error == nullptr && sent.offset == 2;
                });
  EXPECT_TRUE(told) << "at once";
}

TEST_F(Persistent, who_waits_for_a_topic_that_is_deleted_is_told) {
  Appender appender(bus, log);
  appender.append("v");
  std::thread deleter([&] {
    Bus another = folders.open();
    another.admin().delete_topic("log");
  });
  expect_error(
      [&] {
        while (appender.wait_durable(1000, kForever)) {
        }
      },
      ErrorCode::unknown_topic_or_partition, {"log"});
  deleter.join();
}

TEST_F(Persistent, acks_all_returns_when_it_is_on_disk) {
  Producer producer(bus, {{"acks", "all"}});
  for (std::int64_t i = 0; i < 10; ++i) {
    const RecordMetadata sent = producer.send_sync({.topic = "log", .value = "v"});
    EXPECT_EQ(sent.offset, i);
    EXPECT_GT(producer.durable_offset(log), i);
  }
  EXPECT_TRUE(producer.wait_durable(log, 9, kNow));
}

TEST_F(Persistent, what_an_acknowledgement_waits_for_is_the_producers_to_say) {
  create("in-memory", {{"ack.durability", "memory"}});
  const auto is_durable_after = [&](const std::string& topic, const Config& config) {
    Producer producer(bus, config);
    const auto sent = producer.send_sync({.topic = topic, .value = "v"});
    return producer.durable_offset({topic, 0}) > sent.offset;
  };
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(is_durable_after("log", {{"acks", "all"}}));
    EXPECT_TRUE(is_durable_after("log", {{"acks", "1"}, {"ack.durability", "disk"}}));
    EXPECT_TRUE(is_durable_after("in-memory", {{"acks", "all"}, {"ack.durability", "disk"}}));
  }
  create("slow", {{"flush.ms", "3600000"}, {"ack.durability", "memory"}});
  EXPECT_FALSE(is_durable_after("slow", {{"acks", "all"}}));
  create("slow-disk", {{"flush.ms", "3600000"}});
  EXPECT_FALSE(is_durable_after("slow-disk", {{"acks", "all"}, {"ack.durability", "memory"}}));
  create_topic(bus, "memory");
  expect_error([&] { is_durable_after("memory", {{"ack.durability", "disk"}}); }, ErrorCode::invalid_config, {"memory"});
  expect_error([&] { Producer(bus, {{"acks", "0"}, {"ack.durability", "disk"}}); }, ErrorCode::invalid_config, {"acks=0"});
}

TEST_F(Persistent, acks_all_reports_each_record_once_in_order_and_only_when_it_is_on_disk) {
  Producer producer(bus, {{"acks", "all"}});
  constexpr std::int64_t kRecords = 5000;
  std::int64_t reported = 0;
  for (std::int64_t i = 0; i < kRecords; ++i)
    producer.send({.topic = "log", .value = "v"},
                  [&](const RecordMetadata& sent, const Error* error) {
                    ASSERT_EQ(error, nullptr) << error->message;
                    ASSERT_EQ(sent.offset, reported);
                    EXPECT_GT(producer.durable_offset(log), sent.offset);
                    ++reported;
                  });
  producer.flush();
  EXPECT_EQ(reported, kRecords);
  producer.flush();
  EXPECT_EQ(reported, kRecords);
}

TEST_F(Persistent, a_callback_may_send) {
  Producer producer(bus, {{"acks", "all"}});
  int reported = 0;
  const DeliveryCallback again = [&](const RecordMetadata&, const Error* error) {
    EXPECT_EQ(error, nullptr);
    if (++reported < 50) producer.send({.topic = "log", .value = "v"}, again);
  };
  producer.send({.topic = "log", .value = "v"}, again);
  while (reported < 50) producer.flush();
  EXPECT_EQ(reported, 50);
}

TEST_F(Persistent, a_callback_that_throws_loses_none_of_the_others) {
  Producer producer(bus, {{"acks", "all"}});
  int reported = 0, thrown = 0;
  for (int i = 0; i < 10; ++i) {
    try {
      producer.send({.topic = "log", .value = "v"}, [&](const RecordMetadata&, const Error*) {
        if (++reported % 3 == 0) throw std::runtime_error("mine");
      });
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  while (reported < 10) {
    try {
      producer.flush();
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(reported, 10);
  EXPECT_EQ(thrown, 3);
}

TEST_F(Persistent, a_deleted_topic_fails_what_was_outstanding) {
  Producer producer(bus, {{"acks", "all"}, {"delivery.timeout.ms", "3600000"}});
  int good = 0, failed = 0;
  const DeliveryCallback count = [&](const RecordMetadata& sent, const Error* error) {
    EXPECT_GE(sent.offset, 0) << "it was published";
    ++(error == nullptr ? good : failed);
  };
  for (int i = 0; i < 100; ++i) producer.send({.topic = "log", .value = "v"}, count);
  bus.admin().delete_topic("log");
  producer.flush();
  EXPECT_EQ(good + failed, 100);
}

TEST_F(Persistent, without_a_broker_acks_all_times_out_and_says_that_the_record_is_published) {
  Producer producer(bus, {{"acks", "all"}, {"delivery.timeout.ms", "1"}});
  producer.send({.topic = "log", .value = "v"}, nullptr);  // attached
  folders.stop_broker();
  expect_error([&] { producer.send_sync({.topic = "log", .value = "w"}); }, ErrorCode::request_timed_out,
               {"offset 1", "log-0", "published"});
  int reported = 0;
  producer.send({.topic = "log", .value = "x"}, [&](const RecordMetadata& sent, const Error* error) {
    ++reported;
    EXPECT_EQ(sent.offset, 2);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, ErrorCode::request_timed_out);
  });
  producer.flush();
  EXPECT_EQ(reported, 1);
  folders.start_broker();
  EXPECT_TRUE(producer.wait_durable(log, 2, kForever));
}

TEST_F(Persistent, everything_is_read_from_disk_and_on_into_memory) {
  fill(1000);  // 1 MB through 192 KiB of memory
  Reader reader(bus, log);
  EXPECT_EQ(reader.log_start_offset(), 0);
  EXPECT_EQ(reader.durable_offset(), end);
  expect_all_from(reader, 0);
  const std::int64_t read = end;
  fill(10);
  expect_all_from(reader, read);
}

TEST_F(Persistent, a_reader_that_falls_behind_misses_nothing) {
  fill(100);
  Reader reader(bus, log);
  for (std::int64_t offset = 0; offset < 50; ++offset)
    ASSERT_EQ(reader.next(kForever), value(offset));
  fill(2000);
  expect_all_from(reader, 50);
}

TEST_F(Persistent, reading_while_others_write_crosses_to_and_fro_without_gap_or_duplicate) {
  fill(500);
  constexpr std::int64_t kMore = 20000;
  std::thread writer([&] {
    Bus another = folders.open();
    Appender appender(another, log);
    for (std::int64_t i = 500; i < 500 + kMore; ++i) appender.append(value(i));
  });
  Reader reader(bus, log);
  for (std::int64_t offset = 0; offset < 500 + kMore; ++offset) {
    ASSERT_EQ(reader.next(kForever), value(offset));
    ASSERT_EQ(reader.record().offset, offset);
    if (offset % 3000 == 0)  // falls behind
      wait_until([&] { return reader.durable_offset() >= std::min(offset + 1000, 500 + kMore); });
  }
  writer.join();
  EXPECT_EQ(reader.lost(), 0u);
}

TEST_F(Persistent, any_offset_can_be_sought) {
  fill(1000);
  Consumer consumer(bus, {{"auto.offset.reset", "none"}});
  consumer.assign({log});
  EXPECT_EQ(consumer.log_start_offset(log), 0);
  EXPECT_EQ(consumer.durable_offset(log), end);
  for (const std::int64_t offset : {0, 1, 500, 63, 999, 700, 0}) {
    consumer.seek(log, offset);
    EXPECT_EQ(consumer.position(log), offset);
    const ConsumerRecords& records = consumer.poll(kForever);
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records[0].offset, offset);
    EXPECT_EQ(*records[0].value, value(offset));
    EXPECT_EQ(consumer.position(log), offset + static_cast<std::int64_t>(records.count()));
  }
  consumer.seek(log, end);
  EXPECT_TRUE(consumer.poll(kNow).empty());
  expect_error([&] { consumer.seek(log, end + 1); }, ErrorCode::offset_out_of_range, {"log-0"});
  EXPECT_EQ(consumer.beginning_offsets({log}).at(log), 0);
  EXPECT_EQ(consumer.end_offsets({log}).at(log), end);
}

TEST_F(Persistent, the_views_of_a_poll_stay_until_the_next) {
  fill(1000);
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}, {"max.poll.records", "10000"}});
  consumer.assign({log});
  std::int64_t offset = 0;
  while (offset < end) {
    const ConsumerRecords& records = consumer.poll(kForever);
    for (const ConsumerRecord& record : records) {
      ASSERT_EQ(record.offset, offset);
      ASSERT_EQ(*record.value, value(offset++));
    }
  }
}

TEST_F(Persistent, times_are_found_on_disk_and_in_memory) {
  fill(1000);
  Consumer consumer(bus);
  for (const std::int64_t offset : {0, 1, 400, 640, 990, 999}) {
    const std::int64_t ms = (offset + 1) * kStep / 1'000'000;
    const auto at = consumer.offsets_for_times({{log, ms}}).at(log);
    ASSERT_TRUE(at) << offset;
    EXPECT_EQ(at->offset, offset);
    EXPECT_EQ(at->timestamp_ns, ms * 1'000'000);
    EXPECT_EQ(
        consumer.offsets_for_times({{log, ms + 1}}).at(log).value_or(OffsetAndTimestamp{}).offset,
        offset + 1 < end ? offset + 1 : -1);
  }
}

TEST_F(Persistent, who_reads_from_disk_pins_nothing_in_memory) {
  fill(1000);
  client::PartitionReader reader(bus.impl().connection, log);
  reader.seek_start();
  const auto& line = reader.attachment().view().readers().lines[reader.attachment().line()];
  ASSERT_TRUE(reader.next());
  EXPECT_TRUE(reader.cold().is_active());
  EXPECT_EQ(line.pin.load(), 0u);
  std::int64_t records = 1;
  while (reader.next()) ++records;
  EXPECT_EQ(records, end);
  EXPECT_FALSE(reader.cold().is_active());
  EXPECT_NE(line.pin.load(), 0u);
}

TEST_F(Persistent, a_damaged_file_is_named_and_what_lies_behind_can_be_read) {
  fill(1000);
  const auto files = log_files();
  ASSERT_FALSE(files.empty());
  {
    std::fstream file(files.front(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(256 + 100);
    file.put('#');
  }
  Reader reader(bus, log);
  expect_error([&] { reader.next(kForever); }, ErrorCode::corrupt_message,
               {files.front().filename().c_str(), "offset 0"});
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  consumer.assign({log});
  expect_error([&] { consumer.poll(kForever); }, ErrorCode::corrupt_message,
               {"offset 0", "seek to offset 6"});
  consumer.seek(log, 100);
  EXPECT_EQ(consumer.poll(kForever)[0].offset, 100);
}

TEST_F(Persistent, a_reader_from_disk_waits_for_the_next_broker) {
  fill(1000);
  Reader reader(bus, log);
  folders.stop_broker();
  std::thread starter([&] { folders.start_broker(); });
  expect_all_from(reader, 0);
  starter.join();
}

TEST_F(Persistent, who_waits_for_the_disk_waits_for_the_next_broker) {
  Appender appender(bus, log);
  EXPECT_EQ(appender.append("v"), 0);
  EXPECT_TRUE(appender.wait_durable(0, kForever));
  folders.stop_broker();
  EXPECT_EQ(appender.append("w"), 1);
  EXPECT_FALSE(appender.wait_durable(1, std::chrono::milliseconds(1)));
  std::thread starter([&] { folders.start_broker(); });
  EXPECT_TRUE(appender.wait_durable(1, kForever));
  starter.join();
}

}  // namespace
}  // namespace ringmain::test
