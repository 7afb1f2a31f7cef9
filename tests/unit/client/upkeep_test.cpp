// What leaves a log on disk, as clients see it: retention, trimming, compaction, under a broker that does them by itself.
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <random>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

class UpkeepOfALog : public ::testing::Test {
 protected:
  UpkeepOfALog() : folders(TemporaryBus::Start::later) {
    folders.options().configs = {{"log.retention.check.interval.ms", "5"}, {"log.cleaner.backoff.ms", "5"}};
    folders.start_broker();
    bus.emplace(folders.open());
  }
  ~UpkeepOfALog() override {
    if (HasFailure())
      for (const std::string& line : folders.log()) std::cerr << "broker: " << line << '\n';
  }
  void create(std::map<std::string, std::string> more) {
    auto configs = small_slots(4);
    configs["storage"] = "disk";
    configs["segment.bytes"] = "131072";  // two segments a file
    configs.merge(more);
    create_topic(*bus, "log", 1, configs);
  }
  // Values of 1000 bytes that name their offsets; each is dated `timestamp_ns`, or now.
  void fill(int records, std::int64_t timestamp_ns = -1) {
    Appender appender(*bus, log);
    for (int i = 0; i < records; ++i, ++end) {
      const std::string value = std::to_string(end) + std::string(1000, 'x');
      ASSERT_EQ(appender.append({.topic = "log", .value = value, .timestamp_ns = timestamp_ns}), end);
    }
    ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
  }
  std::int64_t start() { return Reader(*bus, log).log_start_offset(); }
  void expect_all_from(std::int64_t offset) {
    Reader reader(*bus, log);
    for (; offset < end; ++offset) {
      ASSERT_EQ(reader.next(kForever), std::to_string(offset) + std::string(1000, 'x'));
      ASSERT_EQ(reader.record().offset, offset);
    }
    EXPECT_EQ(reader.try_next().data(), nullptr);
    EXPECT_EQ(reader.lost(), 0u);
  }
  // A consumer that seeks below the start begins at the start, as auto.offset.reset=earliest says.
  void expect_first_from(std::int64_t wanted, std::int64_t found) {
    Consumer consumer(*bus, {{"auto.offset.reset", "earliest"}});
    consumer.assign({log});
    consumer.seek(log, wanted);
    const auto records = consumer.poll(kForever);
    ASSERT_FALSE(records.empty());
    EXPECT_EQ(records.begin()->offset, found);
  }
  std::size_t log_files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folders.directory()))
      count += entry.path().extension() == ".log" && entry.path().filename() != "broker.log";
    return count;
  }

  TemporaryBus folders;
  std::optional<Bus> bus;
  const TopicPartition log{"log", 0};
  std::int64_t end = 0;
};

constexpr std::int64_t kLongAgoNs = 1'000'000'000'000;
constexpr std::int64_t kFileRecords = 122;  // as fill() makes them

TEST_F(UpkeepOfALog, files_that_are_older_than_retention_ms_go) {
  create({{"retention.ms", "3600000"}});
  fill(1000, kLongAgoNs);
  const std::int64_t old_end = end;
  fill(300);
  wait_until([&] { return start() > old_end - kFileRecords; });  // the last old file is gone
  EXPECT_LE(start(), old_end) << "what is young stays";
  wait_until([&] { return log_files() <= 5; });  // they go one after the other, behind the new start
  expect_all_from(start());
  fill(300);
  expect_all_from(start());
}

TEST_F(UpkeepOfALog, retention_bytes_bound_what_is_kept) {
  create({{"retention.bytes", "400000"}});
  fill(2000);
  wait_until([&] { return (end - start() - kFileRecords) * 1000 < 400'000; });  // no further file may go
  EXPECT_GE((end - start()) * 1000, 400'000);
  wait_until([&] { return log_files() <= 5; });
  expect_all_from(start());
}

TEST_F(UpkeepOfALog, without_limits_everything_stays) {
  create({{"retention.ms", "-1"}});
  fill(1000, kLongAgoNs);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // ten looks
  EXPECT_EQ(start(), 0);
  expect_all_from(0);
}

TEST_F(UpkeepOfALog, a_reader_whose_records_went_is_told_how_many) {
  create({{"retention.bytes", "400000"}});
  Reader reader(*bus, log);
  fill(10);
  ASSERT_EQ(reader.next(kForever).substr(0, 2), "0x");
  fill(3000);
  wait_until([&] { return log_files() <= 5; });
  std::int64_t seen = 1;
  while (reader.try_next().data() != nullptr) ++seen;
  EXPECT_EQ(seen + static_cast<std::int64_t>(reader.lost()), end);
}

TEST_F(UpkeepOfALog, a_trimmed_log_starts_where_it_was_told_to_also_after_a_restart) {
  create({});
  fill(1000);
  EXPECT_EQ(bus->admin().delete_records("log", 0, 777), 777);
  EXPECT_EQ(start(), 777);
  wait_until([&] { return log_files() <= 4; });
  EXPECT_EQ(bus->admin().delete_records("log", 0, 500), 777) << "it never goes back";
  expect_all_from(777);
  folders.restart_broker();
  EXPECT_EQ(start(), 777);
  expect_all_from(777);
  expect_first_from(776, 777);
}

TEST_F(UpkeepOfALog, a_log_can_be_trimmed_to_its_end_and_goes_on_there) {
  create({});
  fill(500);
  EXPECT_EQ(bus->admin().delete_records("log", 0, -1), 500);
  expect_all_from(500);
  fill(100);
  expect_all_from(500);
  // Memory is gone as after a power cut, and all that is on disk lies below the start but for the last records.
  bus.reset();
  folders.stop_broker();
  std::filesystem::remove_all(folders.shm());
  folders.start_broker();
  bus.emplace(folders.open());
  EXPECT_EQ(start(), 500);
  expect_all_from(500);
}

TEST_F(UpkeepOfALog, trimming_beyond_the_end_is_refused) {
  create({});
  fill(10);
  expect_error([&] { bus->admin().delete_records("log", 0, 11); }, ErrorCode::offset_out_of_range, {"log-0", "11"});
  expect_error([&] { bus->admin().delete_records("log", 0, -2); }, ErrorCode::offset_out_of_range, {"log-0"});
  expect_error([&] { bus->admin().delete_records("log", 1, 0); }, ErrorCode::unknown_topic_or_partition, {"partition 1"});
  expect_error([&] { bus->admin().delete_records("gol", 0, 0); }, ErrorCode::unknown_topic_or_partition, {"gol"});
  expect_all_from(0);
}

TEST_F(UpkeepOfALog, a_memory_topic_is_trimmed_too) {
  auto configs = small_slots(4);
  configs["storage"] = "memory";
  create_topic(*bus, "log", 1, configs);
  Appender appender(*bus, log);
  for (; end < 100; ++end) appender.append({.topic = "log", .value = std::to_string(end) + std::string(1000, 'x')});
  EXPECT_EQ(bus->admin().delete_records("log", 0, 90), 90);
  EXPECT_EQ(start(), 90);
  expect_all_from(90);
  expect_first_from(89, 90);
  EXPECT_EQ(bus->admin().delete_records("log", 0, -1), 100);
  expect_all_from(100);
}

TEST_F(UpkeepOfALog, a_compacted_topic_is_not_trimmed) {
  create({{"cleanup.policy", "compact"}});
  fill(10);
  expect_error([&] { bus->admin().delete_records("log", 0, 5); }, ErrorCode::policy_violation, {"cleanup.policy=compact"});
}

// Random puts and deletions, against a map.
TEST_F(UpkeepOfALog, of_each_key_the_newest_value_survives_compaction_and_readers_go_on) {
  create({{"cleanup.policy", "compact"}, {"min.cleanable.dirty.ratio", "0"}, {"delete.retention.ms", "0"}});
  std::mt19937 random(7);
  std::map<std::string, std::string> newest;
  {
    Appender appender(*bus, log);
    for (; end < 6000; ++end) {
      const std::string key = "key-" + std::to_string(random() % 40);
      const std::string value = std::to_string(end) + std::string(random() % 400, 'v');
      if (random() % 10 == 0) {
        newest.erase(key);
        appender.append({.topic = "log", .key = key});
      } else {
        newest[key] = value;
        appender.append({.topic = "log", .key = key, .value = value});
      }
    }
    ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
  }
  const auto records_left = [&] {
    Reader reader(*bus, log);
    std::int64_t count = 0;
    while (reader.try_next().data() != nullptr) ++count;
    return count;
  };
  wait_until([&] { return records_left() < 1500; });
  for (int restarts = 0; restarts < 2; ++restarts) {
    std::map<std::string, std::string> found;
    std::int64_t last = -1;
    Reader reader(*bus, log);
    while (reader.try_next().data() != nullptr) {
      const auto record = reader.record();
      EXPECT_GT(record.offset, last);
      last = record.offset;
      if (record.value)
        found[std::string(*record.key)] = *record.value;
      else
        found.erase(std::string(*record.key));
    }
    EXPECT_EQ(found, newest);
    EXPECT_EQ(last, end - 1);
    EXPECT_EQ(reader.lost(), 0u);
    folders.restart_broker();
  }
}

}  // namespace
}  // namespace ringmain::test
