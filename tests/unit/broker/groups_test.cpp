// A local member's heartbeats that wait, over the broker's real socket: what ends them, and whose
// death is known from which connection.
#include <gtest/gtest.h>

#include "bus_fixture.hpp"
#include "client/broker_link.hpp"
#include "kafka/generated/await_rebalance.hpp"
#include "kafka/generated/describe_groups.hpp"
#include "kafka/generated/heartbeat.hpp"
#include "kafka/generated/join_group.hpp"
#include "kafka/generated/leave_group.hpp"
#include "kafka/generated/sync_group.hpp"

namespace ringmain::test {
namespace {

using client::BrokerLink;

constexpr std::int16_t kRebalance = static_cast<std::int16_t>(ErrorCode::rebalance_in_progress);
constexpr std::int16_t kUnknown = static_cast<std::int16_t>(ErrorCode::unknown_member_id);
constexpr std::int32_t kHour = 3'600'000;

class WaitingHeartbeats : public ::testing::Test {
 protected:
  WaitingHeartbeats() {
    folders.options().configs = {{"group.initial.rebalance.delay.ms", "0"},
                                 {"offsets.topic.num.partitions", "1"}};
    folders.start_broker();
  }

  std::unique_ptr<BrokerLink> link() const {
    return std::make_unique<BrokerLink>(folders.directory(), "the test");
  }
  template <class Response, class Request>
  static Response ask(BrokerLink& over, const Request& request, std::int16_t version) {
    auto answer = over.call<Response>(request, {version, version}, os::Deadline::never());
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? *answer : Response{};
  }

  static kafka::JoinGroupRequest joining() {
    kafka::JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = 60'000;
    request.rebalance_timeout_ms = 60'000;
    request.protocol_type = "consumer";
    request.protocols = {{"range", {}}};
    return request;
  }
  // Alone in the group, which is stable then.
  void join(BrokerLink& over) {
    kafka::JoinGroupResponse joined;
    do joined = ask<kafka::JoinGroupResponse>(over, joining(), 3);  // loading, until it is not
    while (joined.error_code != 0);
    member = joined.member_id;
    generation = joined.generation_id;
    kafka::SyncGroupRequest sync;
    sync.group_id = "g";
    sync.member_id = member;
    sync.generation_id = generation;
    EXPECT_EQ(ask<kafka::SyncGroupResponse>(over, sync, 3).error_code, 0);
  }
  kafka::AwaitRebalanceRequest waiting(std::int32_t max_wait_ms) const {
    kafka::AwaitRebalanceRequest request;
    request.group_id = "g";
    request.member_id = member;
    request.generation_id = generation;
    request.max_wait_ms = max_wait_ms;
    return request;
  }
  std::int16_t wait_on(BrokerLink& over, std::int32_t max_wait_ms) const {
    return ask<kafka::AwaitRebalanceResponse>(over, waiting(max_wait_ms), 0).error_code;
  }
  static std::int16_t told(BrokerLink& over) {
    auto answer = over.receive<kafka::AwaitRebalanceResponse>(os::Deadline::never());
    EXPECT_TRUE(answer && *answer);
    return (*answer)->error_code;
  }
  std::size_t members(BrokerLink& over) const {
    kafka::DescribeGroupsRequest request;
    request.groups = {"g"};
    const auto answer = ask<kafka::DescribeGroupsResponse>(over, request, 5);
    return answer.groups.at(0).members.size();
  }

  TemporaryBus folders{TemporaryBus::Start::later};
  std::string member;
  std::int32_t generation = -1;
};

TEST_F(WaitingHeartbeats, are_answered_when_their_time_is_over) {
  const auto own = link();
  join(*own);
  EXPECT_EQ(wait_on(*own, 1), 0);
  EXPECT_EQ(wait_on(*own, 0), 0);
  EXPECT_EQ(wait_on(*own, -5), 0);
}

TEST_F(WaitingHeartbeats, are_answered_when_another_joins_and_when_the_member_is_out) {
  const auto own = link(), heart = link(), other = link();
  join(*own);
  ASSERT_TRUE(heart->send(waiting(kHour)));
  ASSERT_TRUE(other->send(joining(), {3, 3}));
  EXPECT_EQ(told(*heart), kRebalance);
  EXPECT_EQ(wait_on(*heart, kHour), kRebalance);
  kafka::LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members = {{member, std::nullopt}};
  ask<kafka::LeaveGroupResponse>(*own, leave, 4);
  EXPECT_EQ(wait_on(*heart, kHour), kUnknown);
}

TEST_F(WaitingHeartbeats, make_their_connection_the_members_own) {
  const auto admin = link();
  auto own = link(), heart = link();
  join(*own);
  EXPECT_EQ(wait_on(*heart, 0), 0);
  own.reset();  // not the member's end any more
  kafka::HeartbeatRequest beat{"g", generation, member, std::nullopt};
  EXPECT_EQ(ask<kafka::HeartbeatResponse>(*heart, beat, 4).error_code, 0);
  EXPECT_EQ(members(*admin), 1u);
  heart.reset();
  while (members(*admin) != 0) continue;
}

TEST_F(WaitingHeartbeats, bring_members_their_connections_back_after_a_restart) {
  auto own = link();
  join(*own);
  folders.restart_broker();
  auto heart = link();
  std::int16_t error = 0;
  do error = wait_on(*heart, 0);  // loading, until it is not
  while (error == static_cast<std::int16_t>(ErrorCode::coordinator_load_in_progress));
  EXPECT_EQ(error, 0);
  const auto next = link();
  EXPECT_EQ(members(*next), 1u);
  own.reset();
  ASSERT_TRUE(heart->send(waiting(kHour)));
  heart.reset();  // dies while it waits
  while (members(*next) != 0) continue;
}

}  // namespace
}  // namespace ringmain::test
