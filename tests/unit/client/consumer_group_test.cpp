// Consumers in groups, against a broker in the test's own process: sharing, commits, rebalances,
// members that are late, and the broker's restart. All of it on the bus's host, and over TCP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bus_fixture.hpp"

namespace ringmain::test {
namespace {

using Partitions = std::vector<TopicPartition>;
using testing::UnorderedElementsAre;

class Diary final : public RebalanceListener {
 public:
  void on_assigned(const Partitions& partitions) override { note("+", partitions); }
  void on_revoked(const Partitions& partitions) override {
    note("-", partitions);
    if (revoking) revoking();
  }
  void on_lost(const Partitions& partitions) override { note("!", partitions); }

  std::string text;  // "+2 -1": two assigned, then one revoked
  std::function<void()> revoking;

 private:
  void note(const char* what, const Partitions& partitions) {
    text += (text.empty() ? "" : " ") + std::string(what) + std::to_string(partitions.size());
  }
};

enum class Way { memory, tcp };

class Groups : public ::testing::TestWithParam<Way> {
 protected:
  Groups() {
    folders.options().listeners = {"127.0.0.1:0"};
    folders.options().configs = {{"group.initial.rebalance.delay.ms", "0"},
                                 {"group.min.session.timeout.ms", "1"},
                                 {"offsets.topic.num.partitions", "2"}};
    folders.start_broker();
    folders.options().listeners = folders.broker().listener_addresses();  // the next one's, too
    local.emplace(folders.open());
    producer.emplace(*local);
    create_topic(*local, "t", 4);
    BusOptions options;
    options.bootstrap = folders.broker().listener_addresses().at(0);
    bus.emplace(GetParam() == Way::tcp ? Bus::open(options) : folders.open());
  }

  Consumer member(Config config = {}) {
    config.emplace("group.id", "g");
    config.emplace("auto.offset.reset", "earliest");
    if (GetParam() == Way::tcp) config.emplace("heartbeat.interval.ms", "20");
    return Consumer(*bus, config);
  }
  std::shared_ptr<Diary> subscribed(Consumer& consumer, std::vector<std::string> topics = {"t"}) {
    auto diary = std::make_shared<Diary>();
    consumer.subscribe(topics, diary);
    return diary;
  }
  void send(std::int32_t partition, const std::string& value, const char* topic = "t") {
    producer->send({.topic = topic, .value = value, .partition = partition});
  }
  void send_to_all(const std::string& value) {
    for (std::int32_t partition = 0; partition < 4; ++partition) send(partition, value);
  }

  // Polls all of them in turn until `done`, and keeps what they read.
  template <class Done, class... Members>
  void until(const Done& done, Members&... members) {
    while (!done()) {
      const auto poll = [&](Consumer& one) {
        for (const ConsumerRecord& record : one.poll(kNow)) read.insert(std::string(*record.value));
      };
      (poll(members), ...);
      std::this_thread::yield();
    }
  }
  static bool has(const Consumer& consumer, std::size_t partitions) {
    return consumer.assignment().size() == partitions;
  }
  std::int64_t committed(std::int32_t partition) {
    Consumer outside(*bus, {{"group.id", "g"}, {"enable.auto.commit", "false"}});
    const auto offsets = outside.committed({{"t", partition}});
    return offsets.empty() ? -1 : offsets.begin()->second.offset;
  }

  TemporaryBus folders{TemporaryBus::Start::later};
  std::optional<Bus> local, bus;
  std::optional<Producer> producer;
  std::multiset<std::string> read;
};

TEST_P(Groups, one_member_reads_all_partitions_from_their_start) {
  send_to_all("a");
  Consumer only = member();
  const auto diary = subscribed(only);
  EXPECT_TRUE(only.assignment().empty());
  until([&] { return read.count("a") == 4; }, only);
  EXPECT_TRUE(has(only, 4));
  EXPECT_EQ(diary->text, "+4");
  const GroupMetadata me = only.group_metadata();
  EXPECT_EQ(me.group, "g");
  EXPECT_FALSE(me.member.empty());
  EXPECT_EQ(me.generation, 1);
}

TEST_P(Groups, a_poll_that_sleeps_joins_and_is_woken_by_records) {
  Consumer only = member();
  subscribed(only);
  while (only.assignment().empty()) only.poll(std::chrono::seconds(1));
  std::thread sender([&] { send(3, "x"); });
  const ConsumerRecords& records = only.poll(kForever);
  sender.join();
  ASSERT_EQ(records.count(), 1u);
  EXPECT_EQ(*records[0].value, "x");
}

TEST_P(Groups, two_members_share_and_each_record_is_read_once) {
  Consumer first = member(), second = member();
  subscribed(first);
  subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  for (int i = 0; i < 100; ++i) send_to_all(std::to_string(i));
  until([&] { return read.size() == 400; }, first, second);
  EXPECT_EQ(read.count("17"), 4u);
}

TEST_P(Groups, who_closes_commits_and_leaves_at_once) {
  Consumer first = member();
  std::optional<Consumer> second(member());
  const auto diary = subscribed(*second);
  subscribed(first);
  until([&] { return has(first, 2) && has(*second, 2); }, first, *second);
  send_to_all("a");
  until([&] { return read.size() == 4; }, first, *second);
  second->close();
  EXPECT_EQ(diary->text.substr(diary->text.size() - 2), "-2");
  expect_error([&] { second->poll(kNow); }, ErrorCode::closed);
  expect_error([&] { second->commit_sync(); }, ErrorCode::closed);
  until([&] { return has(first, 4); }, first);
  send_to_all("b");
  until([&] { return read.count("b") == 4; }, first);
  EXPECT_EQ(read.count("a"), 4u);  // nothing was read again
}

TEST_P(Groups, a_consumer_that_ends_commits_and_leaves_without_telling_its_listener) {
  send_to_all("a");
  std::shared_ptr<Diary> diary;
  {
    Consumer first = member();
    diary = subscribed(first);
    until([&] { return read.size() == 4; }, first);
  }
  EXPECT_EQ(diary->text, "+4");
  EXPECT_EQ(committed(2), 1);
  send_to_all("b");
  Consumer second = member();
  subscribed(second);
  until([&] { return read.size() == 8; }, second);
  EXPECT_EQ(read.count("a"), 4u);
}

TEST_P(Groups, what_is_not_committed_is_read_again) {
  send_to_all("a");
  {
    Consumer first = member({{"enable.auto.commit", "false"}});
    subscribed(first);
    until([&] { return read.size() == 4; }, first);
    first.commit_sync({{{"t", 1}, {1, "a note"}}});
    EXPECT_EQ(first.committed({{"t", 0}, {"t", 1}}), (CommittedOffsets{{{"t", 1}, {1, "a note"}}}));
  }
  Consumer second = member();
  subscribed(second);
  until([&] { return read.size() == 7; }, second);
  EXPECT_EQ(second.poll(kNow).count(), 0u);
}

TEST_P(Groups, commits_by_itself_now_and_then_what_earlier_polls_returned) {
  Consumer only = member({{"auto.commit.interval.ms", "1"}});
  subscribed(only);
  send(0, "a");
  until([&] { return committed(0) == 1; }, only);
}

TEST_P(Groups, async_commits_call_back_in_their_order) {
  Consumer only = member({{"enable.auto.commit", "false"}});
  subscribed(only);
  until([&] { return has(only, 4); }, only);
  std::vector<std::int64_t> done;
  for (std::int64_t offset = 0; offset < 3; ++offset)
    only.commit_async({{{"t", 0}, {offset, ""}}},
                      [&](const CommittedOffsets& offsets, const std::optional<Error>& error) {
                        EXPECT_FALSE(error);
                        done.push_back(offsets.begin()->second.offset);
                      });
  until([&] { return done.size() == 3; }, only);
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2}));
  only.commit_async([&](const CommittedOffsets& offsets, const std::optional<Error>&) {
    done.push_back(static_cast<std::int64_t>(offsets.size()));
  });
  only.commit_sync({{{"t", 1}, {7, ""}}});
  EXPECT_EQ(done.size(), 4u);  // the callback came before commit_sync returned
  EXPECT_EQ(committed(1), 7);
}

TEST_P(Groups, what_a_callback_commits_again_has_an_answer_of_its_own) {
  Consumer only = member({{"enable.auto.commit", "false"}});
  subscribed(only);
  until([&] { return has(only, 4); }, only);
  only.commit_sync({{{"t", 0}, {1, ""}}});
  folders.stop_broker();
  bool is_kept = false;
  CommitCallback again = [&](const CommittedOffsets& offsets, const std::optional<Error>& error) {
    if (error) return only.commit_async(offsets, again);
    is_kept = true;
  };
  only.commit_async({{{"t", 0}, {5, ""}}}, again);
  folders.start_broker();
  until([&] { return is_kept; }, only);
  expect_error([&] { only.commit_sync({{{"t", 0}, {6, std::string(5000, 'x')}}}); },
               static_cast<ErrorCode>(12));  // OFFSET_METADATA_TOO_LARGE
  only.commit_sync({{{"t", 0}, {7, ""}}});
  EXPECT_EQ(committed(0), 7);
}

TEST_P(Groups, a_place_is_found_although_there_is_news_of_the_group) {
  send_to_all("v");
  Consumer only = member();
  subscribed(only);
  until([&] { return has(only, 4); }, only);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // some heartbeats
  only.seek_to_end({{"t", 0}});
  EXPECT_EQ(only.position({"t", 0}), 1);
}

TEST_P(Groups, a_consumer_that_ends_calls_nobody_back) {
  bool called = false;
  {
    Consumer only = member();
    subscribed(only);
    until([&] { return has(only, 4); }, only);
    EXPECT_EQ(only.position({"t", 0}), 0);
    only.commit_async({{{"t", 0}, {3, ""}}},
                      [&](const CommittedOffsets&, const std::optional<Error>&) { called = true; });
  }
  EXPECT_FALSE(called);
  EXPECT_EQ(committed(0), 0);  // its end committed where it stood
}

TEST_P(Groups, a_commit_of_what_is_not_there_is_refused) {
  Consumer only = member();
  subscribed(only);
  expect_error([&] { only.commit_sync(); }, ErrorCode::unknown_member_id, {"group g", "poll()"});
  until([&] { return has(only, 4); }, only);
  expect_error(
      [&] {
        only.commit_sync({{{"t", 9}, {1, ""}}});
      },
      ErrorCode::unknown_topic_or_partition, {"t-9"});
  expect_error(
      [&] {
        only.commit_sync({{{"t", 0}, {1, std::string(5000, 'x')}}});
      },
      ErrorCode::offset_metadata_too_large, {"offset.metadata.max.bytes"});
}

TEST_P(Groups, without_a_group_nothing_is_committed) {
  Consumer none(*bus);
  expect_error([&] { none.commit_sync(); }, ErrorCode::invalid_state, {"group.id"});
  expect_error([&] { none.committed({{"t", 0}}); }, ErrorCode::invalid_state, {"group.id"});
  EXPECT_EQ(none.group_metadata().generation, -1);
  none.close();
  expect_error([&] { none.poll(kNow); }, ErrorCode::closed);
}

TEST_P(Groups, partitions_assigned_by_hand_begin_at_the_committed_offsets) {
  for (const char* value : {"0", "1", "2"}) send(1, value);
  {
    Consumer first = member();
    first.assign({{"t", 1}});
    first.seek({"t", 1}, 1);
    ASSERT_EQ(first.poll(kForever).count(), 2u);
    first.commit_sync({{{"t", 1}, {2, ""}}});
    first.seek({"t", 1}, 2);
  }
  Consumer second = member();
  second.assign({{"t", 1}});
  EXPECT_EQ(second.position({"t", 1}), 2);
}

TEST_P(Groups, a_member_that_assigns_by_hand_has_left) {
  Consumer first = member(), second = member();
  subscribed(first);
  subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  second.assign({{"t", 0}});
  until([&] { return has(first, 4); }, first);
  EXPECT_EQ(second.group_metadata().generation, -1);
}

TEST_P(Groups, eager_members_give_up_everything_before_they_join) {
  Consumer first = member({{"partition.assignment.strategy", "roundrobin"}});
  const auto diary = subscribed(first);
  until([&] { return has(first, 4); }, first);
  Consumer second = member({{"partition.assignment.strategy", "roundrobin"}});
  subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  EXPECT_EQ(diary->text, "+4 -4 +2");
}

TEST_P(Groups, cooperative_members_give_up_only_what_goes) {
  const Config cooperative{{"partition.assignment.strategy", "cooperative-sticky"}};
  Consumer first = member(cooperative);
  const auto diary = subscribed(first);
  until([&] { return has(first, 4); }, first);
  Consumer second = member(cooperative);
  const auto other = subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  EXPECT_EQ(diary->text.substr(0, 8), "+4 -2 +0");
  send_to_all("a");
  until([&] { return read.size() == 4; }, first, second);
}

TEST_P(Groups, the_listener_may_commit_what_it_gives_up) {
  Consumer first = member({{"enable.auto.commit", "false"}});
  const auto diary = subscribed(first);
  diary->revoking = [&] { first.commit_sync(); };
  send_to_all("a");
  until([&] { return read.size() == 4; }, first);
  Consumer second = member();
  subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  EXPECT_EQ(committed(0), 1);
  EXPECT_EQ(read.size(), 4u);
}

TEST_P(Groups, the_listener_may_commit_at_the_close_and_what_it_throws_comes_out) {
  Consumer first = member({{"enable.auto.commit", "false"}});
  const auto diary = subscribed(first);
  diary->revoking = [&] {
    first.commit_sync();
    expect_error([&] { first.close(); }, ErrorCode::invalid_state, {"listener"});
    throw std::runtime_error("mine");
  };
  send_to_all("a");
  until([&] { return read.size() == 4; }, first);
  EXPECT_THROW(first.close(), std::runtime_error);
  first.close();  // it is
  EXPECT_EQ(committed(0), 1);
}

TEST_P(Groups, what_a_listener_throws_comes_out_of_poll_and_the_rebalance_goes_on) {
  Consumer first = member();
  const auto diary = subscribed(first);
  until([&] { return has(first, 4); }, first);
  diary->revoking = [&] {
    expect_error([&] { first.poll(kNow); }, ErrorCode::invalid_state, {"listener"});
    expect_error([&] { first.subscribe({"t"}); }, ErrorCode::invalid_state, {"listener"});
    throw std::runtime_error("mine");
  };
  Consumer second = member();
  subscribed(second);
  bool thrown = false;
  while (!thrown) {
    second.poll(kNow);
    try {
      first.poll(kNow);
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "mine");
      thrown = true;
    }
  }
  diary->revoking = nullptr;
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
}

TEST_P(Groups, new_partitions_and_topics_that_come_later_are_shared_out) {
  Consumer first = member({{"metadata.max.age.ms", "1"}});
  subscribed(first, {"t", "later"});
  until([&] { return has(first, 4); }, first);
  bus->admin().add_partitions("t", 6);
  until([&] { return has(first, 6); }, first);
  create_topic(*bus, "later", 2);
  until([&] { return has(first, 8); }, first);
  send(1, "x", "later");
  until([&] { return read.count("x") == 1; }, first);
}

TEST_P(Groups, a_topic_that_is_deleted_is_given_up_and_the_others_are_read) {
  create_topic(*bus, "doomed", 2);
  Consumer first = member();
  subscribed(first, {"t", "doomed"});
  until([&] { return has(first, 6); }, first);
  bus->admin().delete_topic("doomed");
  until([&] { return has(first, 4) && first.group_metadata().generation > 1; }, first);
  send(0, "a");
  until([&] { return read.count("a") == 1; }, first);
}

TEST_P(Groups, a_subscription_may_change) {
  create_topic(*bus, "u", 3);
  Consumer first = member({{"partition.assignment.strategy", "cooperative-sticky"}});
  const auto diary = subscribed(first);
  until([&] { return has(first, 4); }, first);
  first.subscribe({"u"}, diary);
  until([&] { return has(first, 3); }, first);
  EXPECT_EQ(diary->text, "+4 -4 +3");
  first.subscribe({}, diary);
  EXPECT_TRUE(has(first, 0));
}

TEST_P(Groups, a_member_that_does_not_poll_is_out_and_comes_back) {
  Consumer lazy = member({{"max.poll.interval.ms", "50"},
                          {"heartbeat.interval.ms", "5"},
                          {"enable.auto.commit", "false"}});
  const auto diary = subscribed(lazy);
  until([&] { return has(lazy, 4); }, lazy);
  Consumer eager = member();
  subscribed(eager);
  until([&] { return has(eager, 4); }, eager);  // after 50 ms
  expect_error([&] { lazy.commit_sync({{{"t", 0}, {1, ""}}}); }, ErrorCode::unknown_member_id);
  EXPECT_EQ(committed(0), -1);
  until([&] { return has(lazy, 2) && has(eager, 2); }, lazy, eager);
  EXPECT_THAT(diary->text, testing::StartsWith("+4 !4"));
}

// The others wait for it no longer than that, and it cannot know whether they did.
TEST_P(Groups, who_joins_for_longer_than_its_poll_interval_has_lost_what_it_read_on) {
  const char* cooperative = "cooperative-sticky";
  Consumer hasty = member({{"partition.assignment.strategy", cooperative},
                           {"max.poll.interval.ms", "100"},
                           {"heartbeat.interval.ms", "5"}});
  Consumer slow = member({{"partition.assignment.strategy", cooperative}});
  const auto diary = subscribed(hasty);
  subscribed(slow);
  until([&] { return has(hasty, 2) && has(slow, 2); }, hasty, slow);
  Consumer third = member({{"partition.assignment.strategy", cooperative}});
  subscribed(third);
  until([&] { return diary->text.ends_with(" !2"); }, hasty,
        third);  // slow does not poll, so nobody gets on
  EXPECT_TRUE(has(hasty, 0));
  until(
      [&] {
        return !has(hasty, 0) && !has(third, 0) &&
               hasty.assignment().size() + slow.assignment().size() + third.assignment().size() ==
                   4;
      },
      hasty, slow, third);
}

TEST_P(Groups, a_static_member_comes_again_without_a_rebalance) {
  const Config config{{"group.instance.id", "one"}};
  std::optional<Consumer> first(member(config));
  Consumer second = member();
  subscribed(*first);
  const auto diary = subscribed(second);
  until([&] { return has(*first, 2) && has(second, 2); }, *first, second);
  const auto part = first->assignment();
  const std::int32_t generation = second.group_metadata().generation;
  first.reset();
  first.emplace(member(config));
  subscribed(*first);
  until([&] { return has(*first, 2); }, *first, second);
  EXPECT_EQ(first->assignment(), part);
  EXPECT_EQ(second.group_metadata().generation, generation);
  EXPECT_EQ(first->group_metadata().generation, generation);
}

TEST_P(Groups, of_two_with_one_instance_id_the_first_is_fenced) {
  const Config config{{"group.instance.id", "one"}};
  Consumer first = member(config);
  const auto diary = subscribed(first);
  until([&] { return has(first, 4); }, first);
  Consumer second = member(config);
  subscribed(second);
  until([&] { return has(second, 4); }, second);
  std::optional<Error> error;
  while (!error) error = error_of([&] { first.poll(std::chrono::seconds(1)); });
  EXPECT_EQ(error->code, ErrorCode::fenced_instance_id);
  EXPECT_EQ(diary->text, "+4 !4");
  expect_error([&] { first.poll(kNow); },
               ErrorCode::fenced_instance_id);  // until it subscribes again
  first.subscribe({"t"}, diary);
  until([&] { return has(first, 4); }, first);
}

TEST_P(Groups, what_the_coordinator_refuses_comes_out_of_poll) {
  Consumer only =
      member({{"session.timeout.ms", "2000000"}});  // group.max.session.timeout.ms is 30 minutes
  subscribed(only);
  std::optional<Error> error;
  while (!error) error = error_of([&] { only.poll(std::chrono::seconds(1)); });
  EXPECT_EQ(error->code, ErrorCode::invalid_session_timeout);
}

TEST_P(Groups, members_go_on_when_the_broker_is_another) {
  Consumer first = member(), second = member();
  const auto diary = subscribed(first);
  subscribed(second);
  until([&] { return has(first, 2) && has(second, 2); }, first, second);
  const std::string text = diary->text;
  send_to_all("a");
  until([&] { return read.size() == 4; }, first, second);
  folders.restart_broker();
  send_to_all("b");
  until([&] { return read.size() == 8; }, first, second);
  first.commit_sync();
  EXPECT_EQ(diary->text, text);  // same member, same generation
  second.close();
  until([&] { return has(first, 4); }, first);
  send_to_all("c");
  until([&] { return read.size() == 12; }, first);
  EXPECT_EQ(read.count("b"), 4u);
}

TEST_P(Groups, a_commit_waits_for_the_next_broker) {
  Consumer first = member();
  subscribed(first);
  send_to_all("a");
  until([&] { return read.size() == 4; }, first);
  folders.stop_broker();
  std::thread starter([&] { folders.start_broker(); });
  first.commit_sync();
  starter.join();
  EXPECT_EQ(committed(3), 1);
}

TEST_P(Groups, auto_offset_reset_none_wants_a_committed_offset) {
  Consumer only = member({{"auto.offset.reset", "none"}});
  subscribed(only);
  std::optional<Error> error;
  while (!error) error = error_of([&] { only.poll(std::chrono::seconds(1)); });
  EXPECT_EQ(error->code, ErrorCode::offset_out_of_range);
}

TEST_P(Groups, wakeup_ends_a_poll_that_waits_for_the_group) {
  Consumer first = member(), second = member();
  subscribed(first);
  until([&] { return has(first, 4); }, first);
  subscribed(second);  // waits for the first, which does not poll
  second.poll(kNow);
  std::thread waker([&] { second.wakeup(); });
  EXPECT_TRUE(second.poll(kForever).empty());
  waker.join();
}

INSTANTIATE_TEST_SUITE_P(Ways, Groups, ::testing::Values(Way::memory, Way::tcp),
                         [](const auto& way) { return way.param == Way::tcp ? "tcp" : "memory"; });

}  // namespace
}  // namespace ringmain::test
