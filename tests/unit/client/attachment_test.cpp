// Clients, and the broker that goes and comes under them: attachments, lines, participants.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

using Strings = std::vector<std::string>;

std::size_t count_in(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Attachments, all_lines_of_readers_can_be_taken_and_the_next_is_refused) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, small_slots(2));
  std::vector<Reader> readers;
  for (int i = 0; i < 256; ++i) readers.emplace_back(bus, TopicPartition{"log", 0});
  expect_error([&] { Reader(bus, {"log", 0}); }, ErrorCode::policy_violation, {"log-0", "256 readers"});
  Appender appender(bus, {"log", 0});
  appender.append("all of you");
  for (Reader& reader : readers) EXPECT_EQ(reader.next(kForever), "all of you");
  readers.pop_back();
  Reader last(bus, {"log", 0});
  EXPECT_EQ(last.next(kForever), "all of you");
}

TEST(Attachments, all_lines_of_producers_can_be_taken_and_the_next_is_refused) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, small_slots(2));
  std::vector<Appender> appenders;
  for (int i = 0; i < 256; ++i) appenders.emplace_back(bus, TopicPartition{"log", 0});
  expect_error([&] { Appender(bus, {"log", 0}); }, ErrorCode::policy_violation, {"log-0", "256 producers"});
  for (std::size_t i = 0; i < appenders.size(); ++i) EXPECT_EQ(appenders[i].append("x"), static_cast<std::int64_t>(i));
  appenders.pop_back();
  Appender last(bus, {"log", 0});
  EXPECT_EQ(last.append("x"), 256);
}

TEST(Attachments, a_bus_that_is_opened_and_closed_often_leaves_nothing_behind) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, small_slots(4));
  { const Reader reader(bus, {"log", 0}); }  // the broker opens the files once
  const std::size_t fds_before = os::open_fd_count();
  for (int i = 0; i < 600; ++i) {  // more often than there are lines
    Bus again = folders.open();
    Appender appender(again, {"log", 0});
    Reader reader(again, {"log", 0});
    EXPECT_EQ(appender.append("x"), i);
    EXPECT_EQ(reader.try_next(), "x");
  }
  wait_until([&] { return bus.admin().describe_locks("log").find("participant") == std::string::npos; });
  wait_until([&] { return os::open_fd_count() <= fds_before; });
}

TEST(Attachments, a_closed_bus_is_no_participant_any_more) {
  TemporaryBus folders;
  const auto participants = [&] {
    const std::string table = [&] {
      std::ifstream file(folders.memory_folder() + "/participants", std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(file), {});
    }();
    int count = 0;
    for (std::size_t at = 32; at < table.size(); at += 32)
      if (table.substr(at, 8) != std::string(8, '\0')) ++count;
    return count;
  };
  {
    const Bus first = folders.open(), second = folders.open();
    EXPECT_EQ(participants(), 2);
  }
  wait_until([&] { return participants() == 0; });
}

TEST(Attachments, an_appender_that_moves_stays_attached) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Appender first(bus, {"log", 0});
  Appender second(std::move(first));
  EXPECT_EQ(second.append("x"), 0);
  EXPECT_EQ(second.partition(), (TopicPartition{"log", 0}));
}

// The broker goes and comes.

TEST(BrokerAway, publishing_and_reading_go_on_and_everyone_comes_back) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 2);
  Appender appender(bus, {"log", 0});
  Reader reader(bus, {"log", 0});
  const std::string before = bus.admin().describe_locks("log");
  folders.stop_broker();
  for (int i = 0; i < 10; ++i) appender.append("while away");
  EXPECT_EQ(read_all(reader).size(), 10u);
  folders.start_broker();
  EXPECT_EQ(count_in(bus.admin().describe_locks("log"), "\"participant\""), 2u) << "the same lines, no others";
  for (int i = 0; i < 3000; ++i) {  // needs the new broker's memory
    appender.append(std::string(1000, 'x'));
    ASSERT_EQ(reader.next(kForever).size(), 1000u);
  }
  EXPECT_EQ(reader.lost(), 0u);
  Appender another(bus, {"log", 1});
  EXPECT_EQ(another.append("x"), 0);
}

TEST(BrokerAway, a_producer_that_runs_out_of_memory_waits_for_the_next_broker) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Appender appender(bus, {"log", 0});
  folders.stop_broker();
  std::atomic<int> appended = 0;
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) {
      appender.append(std::string(1000, 'x'));
      ++appended;
    }
  });
  wait_until([&] { return appended > 60; });
  folders.start_broker();
  writer.join();
  Consumer consumer(bus);
  EXPECT_EQ(consumer.end_offsets({{"log", 0}}).begin()->second, 1000);
}

TEST(BrokerAway, a_sleeping_reader_is_still_woken) {
  TemporaryBus folders;
  Bus bus = folders.open(), another = folders.open();
  create_topic(bus, "log");
  Appender appender(another, {"log", 0});
  Reader reader(bus, {"log", 0});
  folders.stop_broker();
  std::thread writer([&] { appender.append("hello"); });
  EXPECT_EQ(reader.next(kForever), "hello");
  writer.join();
}

TEST(BrokerAway, what_needs_a_broker_waits_for_it) {
  TemporaryBus folders;
  Bus bus = folders.open();
  folders.stop_broker();
  std::thread asker([&] { create_topic(bus, "log"); });
  folders.start_broker();
  asker.join();
  EXPECT_EQ(bus.admin().describe_topic("log").partitions, 1);
}

TEST(BrokerAway, lines_given_back_meanwhile_are_free_when_it_returns) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 1, {{"single.producer", "true"}});
  std::optional<Appender> appender(std::in_place, bus, TopicPartition{"log", 0});
  std::optional<Reader> reader(std::in_place, bus, TopicPartition{"log", 0});
  appender->append("first");
  folders.stop_broker();
  appender.reset();  // at once: there is nobody to wait for
  reader.reset();
  folders.start_broker();
  Appender next(bus, {"log", 0});
  EXPECT_EQ(next.append("second"), 1);
  wait_until([&] { return count_in(bus.admin().describe_locks("log"), "\"participant\"") == 1; });
}

TEST(BrokerAway, a_bus_can_be_closed_and_its_dead_lines_are_found) {
  TemporaryBus folders;
  {
    Bus bus = folders.open();
    create_topic(bus, "log");
    Appender appender(bus, {"log", 0});
    Reader reader(bus, {"log", 0});
    appender.append("x");
    folders.stop_broker();
  }
  folders.start_broker();
  Bus bus = folders.open();
  EXPECT_EQ(count_in(bus.admin().describe_locks("log"), "\"participant\""), 0u);
}

TEST(BrokerAway, again_and_again) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Appender appender(bus, {"log", 0});
  Reader reader(bus, {"log", 0});
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) appender.append(std::string(500, 'x'));
  });
  std::int64_t next = 0;
  for (int round = 0; round < 5; ++round) {
    folders.restart_broker();
    const std::int64_t until = next + 1000;
    while (next < until) {
      ASSERT_EQ(reader.next(kForever).size(), 500u);
      ASSERT_GE(reader.record().offset, next);
      next = reader.record().offset + 1;
    }
  }
  stop = true;
  writer.join();
}

// The bus's memory goes.

TEST(MemoryRemoved, clients_are_told_when_the_next_broker_has_made_it_anew) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Appender appender(bus, {"log", 0});
  Reader reader(bus, {"log", 0});
  appender.append("lost");
  folders.stop_broker();
  std::filesystem::remove_all(folders.shm());
  folders.start_broker();
  EXPECT_EQ(bus.admin().describe_topic("log").partitions, 1) << "the bus itself goes on";
  expect_error([&] { appender.append("x"); }, ErrorCode::closed, {"log-0", "removed", "open it anew"});
  expect_error([&] { for (;;) reader.next(kForever); }, ErrorCode::closed, {"log-0", "removed"});
  Appender again(bus, {"log", 0});
  Reader reads(bus, {"log", 0});
  EXPECT_EQ(again.append("new"), 0);
  EXPECT_EQ(reads.next(kForever), "new");
}

TEST(MemoryRemoved, those_who_wait_are_told_too) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Reader reader(bus, {"log", 0});
  Consumer consumer(bus);
  consumer.assign({{"log", 0}});
  std::thread remover([&] {
    folders.stop_broker();
    std::filesystem::remove_all(folders.shm());
    folders.start_broker();
  });
  expect_error([&] { reader.next(kForever); }, ErrorCode::closed, {"log-0", "removed"});
  expect_error([&] { consumer.poll(kForever); }, ErrorCode::closed, {"log-0", "removed"});
  remover.join();
}

TEST(MemoryRemoved, a_producer_opens_its_partitions_anew_by_itself) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log");
  Producer producer(bus);
  producer.send({.topic = "log", .value = "lost"});
  folders.stop_broker();
  std::filesystem::remove_all(folders.shm());
  folders.start_broker();
  EXPECT_EQ(bus.admin().list_topics().size(), 1u);
  EXPECT_EQ(producer.send_sync({.topic = "log", .value = "new"}).offset, 0);
}

TEST(MemoryRemoved, under_a_living_broker_what_is_new_is_refused_and_what_is_attached_goes_on) {
  TemporaryBus folders;
  Bus bus = folders.open();
  create_topic(bus, "log", 2);
  Appender appender(bus, {"log", 0});
  Reader reader(bus, {"log", 0});
  std::filesystem::remove_all(folders.shm());
  expect_error([&] { Appender(bus, {"log", 1}); }, ErrorCode::io, {folders.shm().c_str(), "No such file"});
  for (int i = 0; i < 1000; ++i) {
    appender.append(std::string(1000, 'x'));
    ASSERT_EQ(reader.next(kForever).size(), 1000u);
  }
}

TEST(NoBroker, is_an_error_that_says_how_to_start_one) {
  TemporaryBus folders(TemporaryBus::Start::later);
  expect_error([&] { folders.open(); }, ErrorCode::broker_unavailable, {folders.directory().c_str(), "ringmain broker"});
  folders.start_broker();
  folders.stop_broker();
  expect_error([&] { folders.open(); }, ErrorCode::broker_unavailable, {folders.directory().c_str(), "ringmain broker"});
}

}  // namespace
}  // namespace ringmain::test
