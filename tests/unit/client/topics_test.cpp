// Topics through Admin: create, list, describe, delete, grow; and what is refused, in which words.
#include <gtest/gtest.h>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

class Topics : public ::testing::Test {
 protected:
  TemporaryBus folders;
  Bus bus = folders.open();
  Admin& admin = bus.admin();

  std::vector<std::string> names() {
    std::vector<std::string> list;
    for (const auto& topic : admin.list_topics()) list.push_back(topic.name);
    return list;
  }
};

TEST_F(Topics, a_created_topic_is_listed_and_described) {
  create_topic(bus, "orders", 3);
  create_topic(bus, "audit");
  EXPECT_EQ(names(), (std::vector<std::string>{"audit", "orders"}));
  const TopicDescription orders = admin.describe_topic("orders");
  EXPECT_EQ(orders.name, "orders");
  EXPECT_EQ(orders.partitions, 3);
  EXPECT_EQ(orders.leaders, (std::vector<std::int32_t>{1, 1, 1}));
}

TEST_F(Topics, one_that_does_not_say_how_many_partitions_gets_the_brokers_number) {
  admin.create_topic({.name = "orders"});
  EXPECT_EQ(admin.describe_topic("orders").partitions, 1);
}

TEST_F(Topics, a_deleted_topic_is_gone_and_can_be_made_again) {
  create_topic(bus, "orders", 2);
  admin.delete_topic("orders");
  EXPECT_TRUE(names().empty());
  expect_error([&] { admin.describe_topic("orders"); }, ErrorCode::unknown_topic_or_partition, {"orders"});
  create_topic(bus, "orders", 1);
  EXPECT_EQ(admin.describe_topic("orders").partitions, 1);
}

TEST_F(Topics, deleting_gives_the_memory_back) {
  create_topic(bus, "orders");
  { Appender appender(bus, {"orders", 0}); }
  EXPECT_EQ(folders.partition_files(".log").size(), 1u);
  admin.delete_topic("orders");
  EXPECT_TRUE(folders.partition_files(".log").empty());
  EXPECT_TRUE(folders.partition_files(".readers").empty());
}

TEST_F(Topics, partitions_are_added_and_never_taken_away) {
  create_topic(bus, "orders", 2);
  admin.add_partitions("orders", 5);
  EXPECT_EQ(admin.describe_topic("orders").partitions, 5);
  for (const std::int32_t total : {5, 2, 0, -1})
    expect_error([&] { admin.add_partitions("orders", total); }, ErrorCode::invalid_partitions, {"orders"});
  EXPECT_EQ(admin.describe_topic("orders").partitions, 5);
  expect_error([&] { admin.add_partitions("nothing", 5); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
}

TEST_F(Topics, the_catalogue_outlives_the_broker) {
  create_topic(bus, "orders", 3, {{"max.message.bytes", "1000"}});
  create_topic(bus, "gone");
  admin.add_partitions("orders", 4);
  admin.delete_topic("gone");
  folders.restart_broker();
  EXPECT_EQ(names(), std::vector<std::string>{"orders"});
  EXPECT_EQ(admin.describe_topic("orders").partitions, 4);
  Appender appender(bus, {"orders", 3});
  EXPECT_EQ(appender.max_record_bytes(), 1000u);
}

TEST_F(Topics, a_second_one_of_the_name_is_refused_unless_that_is_fine) {
  create_topic(bus, "orders", 2);
  expect_error([&] { create_topic(bus, "orders", 3); }, ErrorCode::topic_already_exists, {"orders"});
  admin.create_topic({.name = "orders", .partitions = 3, .configs = {}, .if_not_exists = true});
  EXPECT_EQ(admin.describe_topic("orders").partitions, 2);
}

TEST_F(Topics, illegal_names_are_refused) {
  for (const std::string name : {"", ".", "..", "a b", "a/b", "ä", "a\nb"})
    expect_error([&] { create_topic(bus, name); }, ErrorCode::invalid_topic, {"topic"});
  expect_error([&] { create_topic(bus, std::string(250, 'x')); }, ErrorCode::invalid_topic, {"249"});
  create_topic(bus, std::string(249, 'x'));
}

TEST_F(Topics, no_partitions_and_too_many_are_refused) {
  for (const std::int32_t count : {0, -2, 100001})
    expect_error([&] { create_topic(bus, "orders", count); }, ErrorCode::invalid_partitions, {});
  EXPECT_TRUE(names().empty());
}

TEST_F(Topics, more_replicas_than_brokers_are_refused) {
  expect_error([&] { admin.create_topic({.name = "orders", .partitions = 1, .replication_factor = 2}); },
               ErrorCode::invalid_replication_factor);
}

TEST_F(Topics, unknown_settings_and_bad_values_are_refused_with_what_is_allowed) {
  const auto refused = [&](const std::string& key, const std::string& value, std::initializer_list<const char*> words) {
    expect_error([&] { create_topic(bus, "orders", 1, {{key, value}}); }, ErrorCode::invalid_config, words);
  };
  refused("max.mesage.bytes", "1", {"max.mesage.bytes", "max.message.bytes"});
  refused("max.message.bytes", "many", {"max.message.bytes=many", "from 1 to"});
  refused("max.message.bytes", "2000000", {"slot.bytes", "1064928"});
  refused("slot.bytes", "65537", {"slot.bytes=65537", "4096"});
  refused("slot.bytes", "1024", {"65536"});
  refused("memory.budget.bytes", "131072", {"two slots"});
  refused("single.producer", "yes", {"true or false"});
  refused("full.policy", "panic", {"block", "drop-oldest"});
  EXPECT_TRUE(names().empty());
}

TEST_F(Topics, settings_are_described_with_their_sources) {
  create_topic(bus, "orders", 1, {{"max.message.bytes", "1000"}});
  std::map<std::string, ConfigValue> values;
  for (const auto& value : admin.describe_configs("orders")) values[value.name] = value;
  EXPECT_EQ(values["max.message.bytes"].value, "1000");
  EXPECT_FALSE(values["max.message.bytes"].is_default);
  EXPECT_EQ(values["full.policy"].value, "drop-oldest");
  EXPECT_TRUE(values["full.policy"].is_default);
  EXPECT_FALSE(values["full.policy"].documentation.empty());
  expect_error([&] { admin.describe_configs("nothing"); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
}

TEST_F(Topics, what_is_not_there_is_an_error_with_its_name) {
  expect_error([&] { admin.describe_topic("nothing"); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  expect_error([&] { admin.delete_topic("nothing"); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  expect_error([&] { admin.describe_locks("nothing"); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  expect_error([&] { Appender(bus, {"nothing", 0}); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  expect_error([&] { Reader(bus, {"nothing", 0}); }, ErrorCode::unknown_topic_or_partition, {"nothing"});
  EXPECT_TRUE(names().empty()) << "asking must not create";
  create_topic(bus, "orders", 2);
  for (const std::int32_t partition : {2, -1})
    expect_error([&] { Appender(bus, {"orders", partition}); }, ErrorCode::unknown_topic_or_partition,
                 {"orders", "2 partition", std::to_string(partition).c_str()});
}

TEST_F(Topics, locks_name_who_holds_what) {
  create_topic(bus, "orders");
  const Appender appender(bus, {"orders", 0});
  const Reader reader(bus, {"orders", 0});
  const std::string locks = admin.describe_locks("orders");
  EXPECT_NE(locks.find("\"topic\":\"orders\""), std::string::npos) << locks;
  EXPECT_NE(locks.find("\"pid\":" + std::to_string(::getpid())), std::string::npos) << locks;
  EXPECT_NE(locks.find("\"pinned_segment\":0"), std::string::npos) << locks;
}

TEST_F(Topics, the_largest_record_is_described_as_it_holds) {
  create_topic(bus, "orders");
  for (const auto& value : admin.describe_configs("orders")) {
    if (value.name != "max.message.bytes") continue;
    EXPECT_EQ(value.value, std::to_string(Appender(bus, {"orders", 0}).max_record_bytes()));
    EXPECT_TRUE(value.is_default);
    return;
  }
  FAIL() << "it is not described";
}

}  // namespace
}  // namespace ringmain::test
