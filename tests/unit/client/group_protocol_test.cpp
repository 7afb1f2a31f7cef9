// What a member says and understands, without a broker.
#include "client/group_protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bus_fixture.hpp"

namespace ringmain::client {
namespace {

using test::expect_error;
using testing::ElementsAre;
using Partitions = std::vector<TopicPartition>;

GroupSettings settings_of(Config config) {
  config.emplace("group.id", "g");
  const ConfigReader reader(
      config, "consumer",
      {"group.id", "group.instance.id", "session.timeout.ms", "heartbeat.interval.ms",
       "max.poll.interval.ms", "partition.assignment.strategy", "enable.auto.commit",
       "auto.commit.interval.ms"});
  return GroupSettings::read(config, reader);
}

constexpr std::int16_t wire(ErrorCode code) {
  return static_cast<std::int16_t>(code);
}

TEST(GroupSettingsTest, are_those_of_kafkas_java_client) {
  const GroupSettings settings = settings_of({});
  EXPECT_EQ(settings.group, "g");
  EXPECT_FALSE(settings.instance);
  EXPECT_EQ(settings.session_timeout_ms, 45000);
  EXPECT_EQ(settings.heartbeat_interval_ms, 3000);
  EXPECT_EQ(settings.max_poll_interval_ms, 300000);
  EXPECT_THAT(settings.assignors, ElementsAre(Assignor::range, Assignor::cooperative_sticky));
  EXPECT_FALSE(settings.is_cooperative());  // one that offers range has to give up everything
  EXPECT_TRUE(settings.commits_by_itself);
  EXPECT_EQ(settings.commit_interval_ms, 5000);
}

TEST(GroupSettingsTest, name_assignors_in_a_list) {
  EXPECT_THAT(
      settings_of({{"partition.assignment.strategy", "sticky, roundrobin,sticky"}}).assignors,
      ElementsAre(Assignor::sticky, Assignor::round_robin));
  EXPECT_TRUE(
      settings_of({{"partition.assignment.strategy", "cooperative-sticky"}}).is_cooperative());
}

TEST(GroupSettingsTest, that_make_no_sense_are_refused) {
  for (const char* names : {"", "fair", "range,", "range,,sticky"})
    expect_error(
        [&] {
          settings_of({{"partition.assignment.strategy", names}});
        },
        ErrorCode::invalid_config, {"cooperative-sticky"});
  expect_error(
      [] {
        settings_of({{"heartbeat.interval.ms", "45000"}});
      },
      ErrorCode::invalid_config, {"session.timeout.ms"});
  expect_error(
      [] {
        settings_of({{"enable.auto.commit", "yes"}});
      },
      ErrorCode::invalid_config, {"true, false"});
  expect_error([] { settings_of({{"session.timeout.ms", "0"}}); }, ErrorCode::invalid_config);
}

TEST(GroupProtocol, each_error_has_a_verdict) {
  EXPECT_EQ(verdict_on(0), Verdict::good);
  for (const auto code :
       {ErrorCode::coordinator_load_in_progress, ErrorCode::coordinator_not_available,
        ErrorCode::not_coordinator, ErrorCode::request_timed_out})
    EXPECT_EQ(verdict_on(wire(code)), Verdict::again);
  EXPECT_EQ(verdict_on(wire(ErrorCode::rebalance_in_progress)), Verdict::rejoin);
  EXPECT_EQ(verdict_on(wire(ErrorCode::unknown_member_id)), Verdict::lost);
  EXPECT_EQ(verdict_on(wire(ErrorCode::illegal_generation)), Verdict::lost);
  for (const auto code :
       {ErrorCode::fenced_instance_id, ErrorCode::invalid_session_timeout, ErrorCode::unknown})
    EXPECT_EQ(verdict_on(wire(code)), Verdict::fatal);
  EXPECT_EQ(verdict_on(12345), Verdict::fatal);
}

TEST(GroupProtocol, errors_name_the_group_and_the_code) {
  const Error error = group_error("g", wire(ErrorCode::fenced_instance_id));
  EXPECT_EQ(error.code, ErrorCode::fenced_instance_id);
  EXPECT_THAT(error.message, testing::AllOf(testing::HasSubstr("group g:"),
                                            testing::HasSubstr("group.instance.id")));
}

kafka::ConsumerSubscription said(const kafka::JoinGroupRequest& request,
                                 const std::string& protocol) {
  for (const auto& one : request.protocols)
    if (one.name == protocol) return kafka::decode_subscription(one.metadata).value();
  ADD_FAILURE() << protocol << " is not offered";
  return {};
}

TEST(GroupProtocol, a_join_says_all_that_is_set) {
  const auto settings = settings_of({{"group.instance.id", "i"},
                                     {"session.timeout.ms", "7000"},
                                     {"max.poll.interval.ms", "9000"}});
  const auto request = join_request(settings, {{"t"}, {}, -1}, "m");
  EXPECT_EQ(request.group_id, "g");
  EXPECT_EQ(request.session_timeout_ms, 7000);
  EXPECT_EQ(request.rebalance_timeout_ms, 9000);
  EXPECT_EQ(request.member_id, "m");
  EXPECT_EQ(request.group_instance_id, "i");
  EXPECT_EQ(request.protocol_type, "consumer");
  ASSERT_EQ(request.protocols.size(), 2u);
  EXPECT_EQ(request.protocols[0].name, "range");
  EXPECT_THAT(said(request, "range").topics, ElementsAre("t"));
}

TEST(GroupProtocol,
     who_gives_up_everything_before_it_joins_claims_nothing_but_to_the_sticky_assignor) {
  const JoinOrder order{{"t"}, {{"t", 1}, {"t", 0}}, 3};
  const auto eager = join_request(
      settings_of({{"partition.assignment.strategy", "range,sticky,cooperative-sticky"}}), order,
      "m");
  EXPECT_TRUE(said(eager, "range").owned.empty());
  EXPECT_TRUE(said(eager, "cooperative-sticky").owned.empty());
  EXPECT_TRUE(said(eager, "sticky").user_data);
  EXPECT_GT(said(eager, "sticky").user_data->size(), 12u);  // it names the partitions
  const auto cooperative = join_request(
      settings_of({{"partition.assignment.strategy", "cooperative-sticky"}}), order, "m");
  const auto subscription = said(cooperative, "cooperative-sticky");
  EXPECT_THAT(subscription.owned, ElementsAre(kafka::TopicPartitions{"t", {1, 0}}));
  EXPECT_EQ(subscription.generation, 3);
}

TEST(GroupProtocol, the_leader_shares_out_what_there_is) {
  kafka::JoinGroupResponse joined;
  joined.protocol_name = "range";
  for (const char* member : {"a", "b"})
    joined.members.push_back(
        {member, std::nullopt,
         kafka::encode(kafka::ConsumerSubscription{{"t", "missing"}}).value()});
  joined.members.push_back({"foreign", std::nullopt, kafka::Bytes(1)});
  const auto view = view_of_group(joined);
  ASSERT_TRUE(view);
  EXPECT_THAT(view->topics, ElementsAre("missing", "t"));
  const auto parts = share_out(*view, {{"t", 3}});
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 3u);
  std::map<std::string, std::size_t> sizes;
  for (const auto& part : *parts) {
    kafka::SyncGroupResponse synced;
    synced.assignment = part.assignment;
    sizes[part.member_id] = part_of(synced).value().size();
  }
  EXPECT_EQ(sizes, (std::map<std::string, std::size_t>{{"a", 2}, {"b", 1}, {"foreign", 0}}));
}

TEST(GroupProtocol, a_way_of_sharing_that_it_does_not_know_is_no_view) {
  kafka::JoinGroupResponse joined;
  joined.protocol_name = "fair";
  EXPECT_FALSE(view_of_group(joined));
  joined.protocol_name.reset();
  EXPECT_FALSE(view_of_group(joined));
}

TEST(GroupProtocol, a_part_that_cannot_be_read_is_an_error) {
  kafka::SyncGroupResponse synced;
  EXPECT_EQ(part_of(synced).value(), Partitions{});
  synced.assignment = kafka::Bytes(3, std::byte{0x7f});
  EXPECT_FALSE(part_of(synced));
}

}  // namespace
}  // namespace ringmain::client
