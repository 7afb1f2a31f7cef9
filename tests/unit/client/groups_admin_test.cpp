// Consumer groups through Admin: list, describe, set and forget offsets, delete.
#include <gtest/gtest.h>

#include "bus_fixture.hpp"
#include "client/bus_impl.hpp"
#include "kafka/consumer_protocol.hpp"
#include "kafka/generated/join_group.hpp"
#include "kafka/generated/leave_group.hpp"
#include "kafka/generated/sync_group.hpp"

namespace ringmain::test {
namespace {

class GroupsAdmin : public ::testing::Test {
 protected:
  GroupsAdmin() : folders(TemporaryBus::Start::later) {
    folders.options().configs = {{"group.initial.rebalance.delay.ms", "0"},
                                 {"offsets.topic.num.partitions", "3"}};
    folders.start_broker();
    bus.emplace(folders.open());
    create_topic(*bus, "orders", 2);
    create_topic(*bus, "audit", 1);
  }
  Admin& admin() { return bus->admin(); }
  void fill(const TopicPartition& partition, int records) {
    Appender appender(*bus, partition);
    for (int i = 0; i < records; ++i) appender.append({.topic = partition.topic, .value = "x"});
  }
  std::vector<std::string> groups() {
    std::vector<std::string> names;
    for (const GroupListing& each : admin().list_groups())
      names.push_back(each.group + " " + each.state);
    return names;
  }

  // A member of a Kafka client, which has one partition.
  struct Member {
    std::shared_ptr<client::Call> call;
    std::string group, id;
    int generation = 0;

    Member(Bus& bus, std::string of, const TopicPartition& assigned)
        : call(bus.impl().call), group(std::move(of)) {
      kafka::JoinGroupRequest join;
      join.group_id = group;
      join.session_timeout_ms = 30000;
      join.rebalance_timeout_ms = 30000;
      join.protocol_type = "consumer";
      kafka::ConsumerSubscription subscription;
      subscription.topics = {assigned.topic};
      join.protocols = {{"range", *kafka::encode(subscription)}};
      auto joined = call->ask<kafka::JoinGroupResponse>(join);
      while (joined && joined->response.error_code !=
                           0) {  // it is told its id, or the coordinator is not ready
        join.member_id = joined->response.member_id;
        joined = call->ask<kafka::JoinGroupResponse>(join);
      }
      id = joined->response.member_id;
      generation = joined->response.generation_id;
      kafka::SyncGroupRequest sync;
      sync.group_id = group;
      sync.member_id = id;
      sync.generation_id = generation;
      kafka::ConsumerAssignment assignment;
      assignment.partitions = {{assigned.topic, {assigned.partition}}};
      sync.assignments = {{id, *kafka::encode(assignment)}};
      sync.protocol_type = "consumer";
      sync.protocol_name = "range";
      const auto synced = call->ask<kafka::SyncGroupResponse>(sync);
      if (!synced || synced->response.error_code != 0) std::abort();
    }
    void leave() {
      kafka::LeaveGroupRequest request;
      request.group_id = group;
      request.members.emplace_back().member_id = id;
      static_cast<void>(call->ask<kafka::LeaveGroupResponse>(request));
    }
  };

  TemporaryBus folders;
  std::optional<Bus> bus;
  const TopicPartition first{"orders", 0}, second{"orders", 1}, audit{"audit", 0};
};

TEST_F(GroupsAdmin, a_bus_without_groups_lists_none_and_makes_no_topic_for_looking) {
  EXPECT_TRUE(groups().empty());
  const GroupDescription none = admin().describe_group("nobody");
  EXPECT_EQ(none.state, "Dead");
  EXPECT_TRUE(none.members.empty());
  EXPECT_TRUE(none.offsets.empty());
  EXPECT_EQ(admin().list_topics().size(), 2u);
}

TEST_F(GroupsAdmin, offsets_that_are_set_are_told_with_the_lag_and_outlive_the_broker) {
  fill(first, 10);
  fill(audit, 3);
  admin().alter_group_offsets("g", {{first, 4}, {second, 0}, {audit, 3}});
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(groups(), std::vector<std::string>{"g Empty"});
    const GroupDescription group = admin().describe_group("g");
    EXPECT_EQ(group.state, "Empty");
    ASSERT_EQ(group.offsets.size(), 3u);
    EXPECT_EQ(group.offsets[0].partition, audit);
    EXPECT_EQ(group.offsets[0].lag(), 0);
    EXPECT_EQ(group.offsets[1].partition, first);
    EXPECT_EQ(group.offsets[1].committed, 4);
    EXPECT_EQ(group.offsets[1].end_offset, 10);
    EXPECT_EQ(group.offsets[1].lag(), 6);
    EXPECT_EQ(group.offsets[2].committed, 0);
    EXPECT_EQ(group.offsets[2].lag(), 0);
    folders.restart_broker();
  }
}

TEST_F(GroupsAdmin, members_are_described_with_what_they_are_assigned) {
  fill(second, 5);
  Member member(*bus, "g", second);
  const GroupDescription group = admin().describe_group("g");
  EXPECT_EQ(group.state, "Stable");
  EXPECT_EQ(group.protocol_type, "consumer");
  EXPECT_EQ(group.protocol, "range");
  ASSERT_EQ(group.members.size(), 1u);
  EXPECT_EQ(group.members[0].member_id, member.id);
  EXPECT_EQ(group.members[0].client_id, "ringmain");
  EXPECT_EQ(group.members[0].assignment, std::vector{second});
  ASSERT_EQ(group.offsets.size(), 1u) << "nothing is committed, but it is read";
  EXPECT_EQ(group.offsets[0].partition, second);
  EXPECT_FALSE(group.offsets[0].committed);
  EXPECT_EQ(group.offsets[0].end_offset, 5);
  EXPECT_FALSE(group.offsets[0].lag());
  EXPECT_EQ(groups(), std::vector<std::string>{"g Stable"});
}

TEST_F(GroupsAdmin, a_group_with_members_keeps_its_offsets_and_itself) {
  Member member(*bus, "g", first);
  expect_error(
      [&] {
        admin().alter_group_offsets("g", {{first, 1}});
      },
      ErrorCode::non_empty_group, {"group g", "members"});
  expect_error([&] { admin().delete_group("g"); }, ErrorCode::non_empty_group,
               {"group g", "members"});
  expect_error([&] { admin().delete_group_offsets("g", {first}); },
               ErrorCode::group_subscribed_to_topic, {"group g"});
  member.leave();
  admin().alter_group_offsets("g", {{first, 1}});
  admin().delete_group("g");
  EXPECT_TRUE(groups().empty());
}

TEST_F(GroupsAdmin, offsets_are_forgotten_one_by_one) {
  admin().alter_group_offsets("g", {{first, 0}, {second, 0}});
  admin().delete_group_offsets("g", {second});
  ASSERT_EQ(admin().describe_group("g").offsets.size(), 1u);
  EXPECT_EQ(admin().describe_group("g").offsets[0].partition, first);
}

TEST_F(GroupsAdmin, offsets_of_a_topic_that_went_do_not_hide_the_others) {
  admin().alter_group_offsets("g", {{first, 0}, {audit, 0}});
  admin().delete_topic("audit");
  const GroupDescription group = admin().describe_group("g");
  for (const GroupOffset& offset : group.offsets)
    EXPECT_EQ(offset.end_offset.has_value(), offset.partition == first);
}

TEST_F(GroupsAdmin, what_is_not_there_is_an_error_with_its_name) {
  expect_error([&] { admin().delete_group("nobody"); }, ErrorCode::group_id_not_found, {"nobody"});
  expect_error(
      [&] {
        admin().alter_group_offsets("g", {{{"gone", 0}, 1}});
      },
      ErrorCode::unknown_topic_or_partition, {"gone-0"});
  expect_error(
      [&] {
        admin().alter_group_offsets("g", {{{"orders", 2}, 1}});
      },
      ErrorCode::unknown_topic_or_partition, {"orders-2"});
  expect_error([&] { admin().delete_group_offsets("nobody", {first}); },
               ErrorCode::group_id_not_found, {"nobody"});
}

TEST_F(GroupsAdmin, places_in_logs_are_looked_up) {
  Appender appender(*bus, first);
  for (const std::int64_t at : {10, 20, 30})
    appender.append({.topic = "orders", .value = "x", .timestamp_ns = at * 1'000'000'000});
  EXPECT_EQ(admin().list_offsets({{first, OffsetSpec::earliest()}}).at(first), 0);
  EXPECT_EQ(admin()
                .list_offsets({{first, OffsetSpec::latest()}, {second, OffsetSpec::latest()}})
                .at(first),
            3);
  EXPECT_EQ(admin().list_offsets({{first, OffsetSpec::at(15'000)}}).at(first), 1);
  EXPECT_EQ(admin().list_offsets({{first, OffsetSpec::at(20'000)}}).at(first), 1);
  EXPECT_EQ(admin().list_offsets({{first, OffsetSpec::at(31'000)}}).at(first), std::nullopt);
  expect_error(
      [&] {
        admin().list_offsets({{{"gone", 0}, OffsetSpec::latest()}});
      },
      ErrorCode::unknown_topic_or_partition, {"gone"});
  expect_error(
      [&] {
        admin().list_offsets({{{"orders", 9}, OffsetSpec::latest()}});
      },
      ErrorCode::unknown_topic_or_partition, {"partition 9"});
}

TEST_F(GroupsAdmin, the_cluster_is_this_broker) {
  const ClusterDescription cluster = admin().describe_cluster();
  EXPECT_EQ(cluster.cluster_id.size(), 32u);
  EXPECT_EQ(cluster.controller_id, 1);
  ASSERT_EQ(cluster.brokers.size(), 1u);
  EXPECT_EQ(cluster.brokers[0].id, 1);
}

}  // namespace
}  // namespace ringmain::test
