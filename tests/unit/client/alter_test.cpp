// A topic's settings change while it is in use: what the running broker does then, and what the
// next one finds.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

constexpr std::int64_t kLongAgoNs = 1'000'000'000'000;

class Alter : public ::testing::Test {
 protected:
  Alter() : folders(TemporaryBus::Start::later) {
    folders.options().configs = {{"log.retention.check.interval.ms", "5"},
                                 {"log.cleaner.backoff.ms", "5"}};
    folders.start_broker();
    bus.emplace(folders.open());
  }
  // On disk, two segments a file.
  void create(std::map<std::string, std::string> more = {}) {
    auto configs = small_slots(4);
    configs["storage"] = "disk";
    configs["segment.bytes"] = "131072";
    configs["retention.ms"] = "-1";
    configs.merge(more);
    create_topic(*bus, "log", 1, configs);
  }
  void set(const std::string& key, const std::string& value) {
    bus->admin().alter_configs("log", {.set = {{key, value}}});
  }
  void unset(const std::string& key) { bus->admin().alter_configs("log", {.unset = {key}}); }
  ConfigValue setting(const std::string& name) {
    for (const ConfigValue& value : bus->admin().describe_configs("log"))
      if (value.name == name) return value;
    ADD_FAILURE() << name;
    return {};
  }
  void fill(int records, std::int64_t timestamp_ns = -1) {
    Appender appender(*bus, log);
    const std::string value(1000, 'x');
    for (int i = 0; i < records; ++i, ++end)
      ASSERT_EQ(appender.append({.topic = "log", .value = value, .timestamp_ns = timestamp_ns}),
                end);
    ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
  }
  std::int64_t start() { return Reader(*bus, log).log_start_offset(); }
  std::vector<std::uint64_t> log_file_sizes() const {
    std::vector<std::uint64_t> sizes;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folders.directory()))
      if (entry.path().extension() == ".log" && entry.path().filename() != "broker.log")
        sizes.push_back(entry.file_size());
    return sizes;
  }

  TemporaryBus folders;
  std::optional<Bus> bus;
  const TopicPartition log{"log", 0};
  std::int64_t end = 0;
};

TEST_F(Alter, a_changed_setting_is_told_with_its_source_and_default_and_outlives_the_broker) {
  create();
  set("retention.ms", "3600000");
  set("flush.ms", "7");
  unset("segment.bytes");
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(setting("retention.ms").value, "3600000");
    EXPECT_EQ(setting("retention.ms").source, ConfigSource::topic);
    EXPECT_EQ(setting("retention.ms").preset, "604800000");
    EXPECT_FALSE(setting("retention.ms").is_default);
    EXPECT_FALSE(setting("retention.ms").read_only);
    EXPECT_EQ(setting("flush.ms").value, "7");
    EXPECT_EQ(setting("segment.bytes").value, "1073741824");
    EXPECT_EQ(setting("segment.bytes").source, ConfigSource::preset);
    EXPECT_TRUE(setting("segment.bytes").is_default);
    EXPECT_TRUE(setting("slot.bytes").read_only);
    folders.restart_broker();
  }
}

TEST_F(Alter, retention_by_time_holds_at_once) {
  create();
  fill(1000, kLongAgoNs);
  const std::int64_t old_end = end;
  fill(300);
  EXPECT_EQ(start(), 0);
  set("retention.ms", "3600000");
  wait_until([&] { return start() > old_end - 200; });
  EXPECT_LE(start(), old_end);
}

TEST_F(Alter, retention_by_size_holds_at_once_also_with_rare_looks) {
  folders.options().configs = {};  // every five minutes
  folders.restart_broker();
  create();
  fill(1000);
  EXPECT_EQ(start(), 0);
  set("retention.bytes", "400000");
  wait_until([&] { return start() > 400; });
  EXPECT_GE((end - start()) * 1040, 400'000) << "with what frames take besides";
}

TEST_F(Alter, a_log_is_compacted_from_the_change_on_and_not_after_the_next) {
  create({{"min.cleanable.dirty.ratio", "0"}});
  const auto put_all = [&] {
    Appender appender(*bus, log);
    for (int i = 0; i < 1000; ++i, ++end)
      appender.append(
          {.topic = "log", .key = std::to_string(i % 10), .value = std::string(1000, 'x')});
    ASSERT_TRUE(appender.wait_durable(end - 1, kForever));
  };
  const auto records = [&] {
    Reader reader(*bus, log);
    std::int64_t count = 0;
    while (reader.try_next().data() != nullptr) ++count;
    return count;
  };
  put_all();
  EXPECT_EQ(records(), 1000);
  set("cleanup.policy", "compact");
  wait_until([&] { return bus->admin().describe_log_sizes("log").at(0) < 500'000; });
  const std::int64_t compacted = records();
  EXPECT_LT(compacted, 1000);
  expect_error([&] { bus->admin().delete_records("log", 0, 5); }, ErrorCode::policy_violation);
  set("cleanup.policy", "delete");
  put_all();
  EXPECT_GE(records(), 1000) << "what came since is all there";
  EXPECT_EQ(bus->admin().delete_records("log", 0, 5), 5);
}

TEST_F(Alter, log_files_have_the_new_size_from_the_next_one_on) {
  create();
  fill(500);
  for (const std::uint64_t size : log_file_sizes()) EXPECT_LE(size, 131072u);
  set("segment.bytes", "1048576");
  fill(3000);
  std::uint64_t largest = 0;
  for (const std::uint64_t size : log_file_sizes()) largest = std::max(largest, size);
  EXPECT_GT(largest, 131072u);
  EXPECT_LE(largest, 1048576u);
}

TEST_F(Alter, records_that_waited_for_a_flush_go_to_disk) {
  create({{"flush.ms", "3600000"}});
  Appender appender(*bus, log);
  const std::int64_t offset = appender.append({.topic = "log", .value = "x"});
  set("flush.ms", "1");
  wait_until([&] { return appender.durable_offset() > offset; });
}

TEST_F(Alter, the_largest_record_is_another_for_whoever_opens_the_topic_from_then_on) {
  create({{"max.message.bytes", "100"}});
  Appender before(*bus, log);
  EXPECT_EQ(before.max_record_bytes(), 100u);
  set("max.message.bytes", "2000");
  EXPECT_EQ(before.max_record_bytes(), 100u) << "it was told so";
  const std::string large(1500, 'x');
  EXPECT_EQ(Appender(*bus, log).append({.topic = "log", .value = large}), 0);
  folders.restart_broker();
  EXPECT_EQ(Appender(*bus, log).max_record_bytes(), 2000u);
  Reader reader(*bus, log);
  EXPECT_EQ(reader.next(kForever), large);
  unset("max.message.bytes");
  EXPECT_EQ(Appender(*bus, log).max_record_bytes(), 16352u) << "as the slot's size has it";
}

TEST_F(Alter, what_memory_is_laid_out_by_stays) {
  create();
  const auto refused = [&](const char* key, const char* value) {
    expect_error([&] { set(key, value); }, ErrorCode::invalid_config,
                 {key, "cannot become", "fixed"});
  };
  refused("slot.bytes", "131072");
  refused("memory.budget.bytes", "524288");
  refused("storage", "memory");
  refused("single.producer", "true");
  expect_error([&] { set("full.policy", "block"); }, ErrorCode::invalid_config, {"full.policy"});
  expect_error([&] { unset("slot.bytes"); }, ErrorCode::invalid_config, {"slot.bytes=4259840"});
  set("storage", "disk");  // it is that already
  EXPECT_EQ(setting("slot.bytes").value, "65536");
}

TEST_F(Alter, what_a_new_topic_could_not_have_is_refused_and_nothing_changes) {
  create();
  const auto before = bus->admin().describe_configs("log");
  const auto refused = [&](const ConfigChange& change, ErrorCode code,
                           std::initializer_list<const char*> words) {
    expect_error([&] { bus->admin().alter_configs("log", change); }, code, words);
  };
  refused({.set = {{"retention.ms", "long"}}}, ErrorCode::invalid_config, {"retention.ms=long"});
  refused({.set = {{"retention.ms", "5"}, {"no.such", "1"}}}, ErrorCode::invalid_config,
          {"no.such"});
  refused({.set = {{"max.message.bytes", "20000"}}}, ErrorCode::invalid_config, {"slot.bytes"});
  refused({.set = {{"min.compaction.lag.ms", "9"}, {"max.compaction.lag.ms", "8"}}},
          ErrorCode::invalid_config, {"9", "8"});
  refused({.unset = {"no.such"}}, ErrorCode::invalid_config, {"no.such"});
  refused({.set = {{"retention.ms", "5"}}, .unset = {"retention.ms"}}, ErrorCode::invalid_request,
          {"more than once"});
  expect_error(
      [&] {
        bus->admin().alter_configs("gone", {.set = {{"retention.ms", "5"}}});
      },
      ErrorCode::unknown_topic_or_partition, {"gone"});
  bus->admin().alter_configs("log", {.set = {{"retention.ms", "5"}}, .validate_only = true});
  const auto after = bus->admin().describe_configs("log");
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(before[i].value, after[i].value) << before[i].name;
}

TEST_F(Alter, a_topic_in_memory_changes_too) {
  create_topic(*bus, "log", 1, small_slots());
  expect_error([&] { set("cleanup.policy", "compact"); }, ErrorCode::invalid_config,
               {"storage=disk"});
  Appender first(*bus, log);
  set("max.message.bytes", "50");
  EXPECT_EQ(Appender(*bus, log).max_record_bytes(), 50u);
}

TEST_F(Alter, a_brokers_settings_are_told_and_fixed) {
  std::map<std::string, ConfigValue> values;
  for (const ConfigValue& value : bus->admin().describe_broker_configs())
    values[value.name] = value;
  EXPECT_EQ(values["log.cleaner.backoff.ms"].value, "5");
  EXPECT_EQ(values["log.cleaner.backoff.ms"].preset, "15000");
  EXPECT_EQ(values["log.cleaner.backoff.ms"].source, ConfigSource::broker_start);
  EXPECT_EQ(values["num.partitions"].source, ConfigSource::preset);
  EXPECT_TRUE(values["num.partitions"].read_only);
  expect_error(
      [&] {
        bus->admin().alter_broker_configs({.set = {{"num.partitions", "3"}}});
      },
      ErrorCode::invalid_request, {"fixed while it runs"});
  expect_error([&] { bus->admin().describe_broker_configs(17); }, ErrorCode::invalid_request,
               {"17"});
}

}  // namespace
}  // namespace ringmain::test
