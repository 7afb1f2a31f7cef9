// The APIs of groups in every version, over real coordinators with a log in memory.
#include "gateway/handlers/find_coordinator.hpp"
#include "gateway/handlers/groups.hpp"

#include <gtest/gtest.h>

#include "coordination/coordinators.hpp"
#include "kafka/generated/await_rebalance.hpp"
#include "kafka/generated/delete_groups.hpp"
#include "kafka/generated/join_group.hpp"
#include "kafka/generated/offset_commit.hpp"
#include "kafka/generated/offset_delete.hpp"
#include "kafka/generated/sync_group.hpp"
#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using namespace coordination;

// Coordinators of all partitions, whose log is a word that everything is there, at once or when
// told.
class MemoryGroups final : public GroupService, public OffsetsLog {
 public:
  MemoryGroups() {
    for (int32_t partition = 0; partition < 50; ++partition) {
      all_.begin_loading(partition);
      all_.finish_loading(partition, now());
    }
  }
  void append(int32_t partition, AppendId id, const std::vector<Record>&) override {
    held_.emplace_back(partition, id);
    if (!hold) let_go();
  }
  void let_go() {
    for (const auto& [partition, id] : std::exchange(held_, {}))
      all_.append_done(partition, id, AppendResult::done, now());
  }

  GroupError ready_for(const std::string&) override { return ready; }
  void join(Caller caller, JoinRequest request, Done<JoinReply> done) override {
    last_caller = caller;
    all_.join(caller, std::move(request), now(), done);
    all_.tick(now());
  }
  void sync(Caller caller, SyncRequest request, Done<SyncReply> done) override {
    all_.sync(caller, std::move(request), now(), done);
  }
  GroupError heartbeat(const HeartbeatRequest& request) override {
    return all_.heartbeat(request, now());
  }
  void await_rebalance(Caller caller, const AwaitRequest& request,
                       Done<HeartbeatReply> done) override {
    last_caller = caller;
    all_.await_rebalance(caller, request, now(), done);
  }
  LeaveReply leave(const LeaveRequest& request) override { return all_.leave(request, now()); }
  void commit(Caller caller, const CommitRequest& request, Done<CommitReply> done) override {
    all_.commit(caller, request, now(), done);
  }
  FetchReply fetch(const std::string& group,
                   const std::vector<TopicPartition>* partitions) override {
    return fetch_error == GroupError::none ? all_.fetch(group, partitions)
                                           : FetchReply{fetch_error};
  }
  void delete_offsets(Caller caller, const std::string& group,
                      const std::vector<TopicPartition>& partitions,
                      Done<DeleteOffsetsReply> done) override {
    all_.delete_offsets(caller, group, partitions, now(), done);
  }
  Description describe(const std::string& group) override { return all_.describe(group); }
  Listing list(const std::vector<std::string>& states) override { return all_.list(states); }
  void delete_group(Caller caller, const std::string& group, Done<DeleteGroupReply> done) override {
    all_.delete_group(caller, group, now(), done);
  }

  GroupError ready = GroupError::none;
  GroupError fetch_error = GroupError::none;
  bool hold = false;
  Caller last_caller{};

 private:
  static Now now() { return {1000, 1000}; }
  static GroupConfig config() {
    GroupConfig config;
    config.initial_rebalance_delay_ms = 0;
    return config;
  }
  std::vector<std::pair<int32_t, AppendId>> held_;
  Coordinators all_{config(), 50, 1, *this};
};

class GroupApis : public GatewayTest {
 protected:
  GroupApis() { create("t", 3); }

  template <class Request>
  kafka::RequestHeader header(int16_t version) const {
    return {Request::api_key, version, 42, "the test"};
  }
  RequestContext context(int16_t version) { return {services_, options_, *remote_, version}; }

  // By a handler that returns its response.
  template <class Request, class Response>
  Response now(Response (*handler)(const Request&, RequestContext&), const Request& request,
               int16_t version) {
    RequestContext in = context(version);
    auto reply = reply_with(handler(request, in), header<Request>(version));
    return decoded<Response>(reply, version);
  }

  using Serve = Result<net::Reply> (*)(kafka::Reader&, const kafka::RequestHeader&,
                                       RequestContext&);
  template <class Request>
  net::Reply serve(Serve handler, const Request& request, int16_t version) {
    kafka::Writer writer;
    request.encode(writer, version);
    const kafka::Bytes body = std::move(writer).take().value();
    kafka::Reader reader(body);
    RequestContext in = context(version);
    return handler(reader, header<Request>(version), in).value();
  }
  // By a handler that may answer later, and does not.
  template <class Response, class Request>
  Response served(Serve handler, const Request& request, int16_t version) {
    return decoded<Response>(serve(handler, request, version), version);
  }

  kafka::JoinGroupRequest join_request(const std::string& member) const {
    kafka::JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = 10000;
    request.member_id = member;
    request.protocol_type = "consumer";
    request.protocols = {{"range", kafka::Bytes(3)}};
    return request;
  }
  // A group of one, stable; its member id.
  std::string join(int16_t version = 7) {
    auto answer = served<kafka::JoinGroupResponse>(&join_group, join_request(""), version);
    if (answer.error_code == to_wire(GroupError::member_id_required))
      answer =
          served<kafka::JoinGroupResponse>(&join_group, join_request(answer.member_id), version);
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.leader, answer.member_id);
    kafka::SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = answer.generation_id;
    request.member_id = answer.member_id;
    request.assignments = {{answer.member_id, kafka::Bytes(5)}};
    const auto synced =
        served<kafka::SyncGroupResponse>(&sync_group, request, std::min<int16_t>(version, 5));
    EXPECT_EQ(synced.error_code, 0);
    EXPECT_EQ(synced.assignment.size(), 5u);
    generation_ = answer.generation_id;
    return answer.member_id;
  }
  kafka::OffsetCommitRequest commit_request(const std::string& member, int32_t generation) const {
    kafka::OffsetCommitRequest request;
    request.group_id = "g";
    request.generation_id = generation;
    request.member_id = member;
    request.topics = {{"t", {{0, 10, -1, -1, "note"}, {9, 11, -1, -1, "note"}}},
                      {"u", {{0, 12, -1, -1, "note"}}}};
    return request;
  }

  MemoryGroups groups_;
  Services services_{topics_, records_, broker_, attach_, authorizer_, &groups_};
  int32_t generation_ = -1;
};

TEST_F(GroupApis, find_coordinator_names_this_broker_in_every_version) {
  for (int16_t version = 0; version <= 4; ++version) {
    kafka::FindCoordinatorRequest request;
    request.key = "g";
    request.coordinator_keys = {"g", "h"};
    const auto answer = now(&find_coordinator, request, version);
    if (version < 4) {
      EXPECT_EQ(answer.error_code, 0);
      EXPECT_EQ(answer.node_id, 7);
      EXPECT_EQ(answer.port, 9093);
    } else {
      ASSERT_EQ(answer.coordinators.size(), 2u);
      EXPECT_EQ(answer.coordinators[1].key, "h");
      EXPECT_EQ(answer.coordinators[1].host, "127.0.0.1");
    }
  }
}

TEST_F(GroupApis, find_coordinator_refuses_transactions_and_waits_for_the_topic) {
  kafka::FindCoordinatorRequest request;
  request.key = "g";
  request.key_type = 1;
  EXPECT_EQ(now(&find_coordinator, request, 3).error_code, to_wire(GroupError::invalid_request));
  request.key_type = 0;
  groups_.ready = GroupError::coordinator_not_available;
  const auto answer = now(&find_coordinator, request, 3);
  EXPECT_EQ(answer.error_code, 15);
  EXPECT_EQ(answer.node_id, -1);
}

TEST_F(GroupApis, a_member_joins_syncs_beats_and_leaves_in_every_version) {
  for (int16_t version = 0; version <= 7; ++version) {
    const std::string member = join(version);
    EXPECT_EQ(groups_.last_caller.client_id, "the test");
    EXPECT_EQ(groups_.last_caller.connection, coordination::ConnectionId{});  // of another host
    kafka::HeartbeatRequest beat{"g", generation_, member};
    EXPECT_EQ(now(&heartbeat, beat, std::min<int16_t>(version, 4)).error_code, 0);
    beat.generation_id += 1;
    EXPECT_EQ(now(&heartbeat, beat, std::min<int16_t>(version, 4)).error_code, 22);

    kafka::LeaveGroupRequest leave{"g", member, {{member, std::nullopt}, {"nobody", std::nullopt}}};
    const auto left = now(&leave_group, leave, std::min<int16_t>(version, 4));
    EXPECT_EQ(left.error_code, 0);
    if (version >= 3) {
      ASSERT_EQ(left.members.size(), 2u);
      EXPECT_EQ(left.members[0].error_code, 0);
      EXPECT_EQ(left.members[1].error_code, 25);
    }
  }
}

TEST_F(GroupApis, one_who_is_no_member_cannot_leave) {
  join();
  for (int16_t version = 0; version <= 2; ++version)
    EXPECT_EQ(now(&leave_group, kafka::LeaveGroupRequest{"g", "nobody", {}}, version).error_code,
              25);
}

TEST_F(GroupApis, a_join_that_waits_for_others_is_answered_later) {
  const std::string first = join();
  const net::Reply none = serve(&join_group, join_request(""), 3);
  EXPECT_TRUE(none.bytes.empty());
  EXPECT_TRUE(remote_->is_deferred);
  EXPECT_EQ(now(&heartbeat, kafka::HeartbeatRequest{"g", generation_, first}, 4).error_code, 27);
  groups_.leave({"g", {{first}}});
  ASSERT_EQ(remote_->later_replies.size(), 1u);
  const auto answer = decoded<kafka::JoinGroupResponse>(remote_->later_replies[0], 3);
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.members.size(), 1u);
}

TEST_F(GroupApis, a_local_members_heartbeat_waits_until_it_is_to_join_again) {
  kafka::AwaitRebalanceRequest waiting;
  waiting.group_id = "g";
  waiting.member_id = join();
  waiting.generation_id = generation_;
  waiting.max_wait_ms = 1000;
  const auto serve_locally = [&] {
    kafka::Writer writer;
    waiting.encode(writer, 0);
    const kafka::Bytes body = std::move(writer).take().value();
    kafka::Reader reader(body);
    RequestContext in{services_, options_, *local_, 0};
    return await_rebalance(reader, header<kafka::AwaitRebalanceRequest>(0), in).value();
  };
  EXPECT_TRUE(serve_locally().bytes.empty());
  EXPECT_TRUE(local_->is_deferred);
  EXPECT_EQ(groups_.last_caller.connection, coordination::ConnectionId(local_->id().value()));
  serve(&join_group, join_request(""), 3);
  ASSERT_EQ(local_->later_replies.size(), 1u);
  EXPECT_EQ(decoded<kafka::AwaitRebalanceResponse>(local_->later_replies[0], 0).error_code, 27);
  EXPECT_EQ(decoded<kafka::AwaitRebalanceResponse>(serve_locally(), 0).error_code, 27);

  const auto refused = served<kafka::AwaitRebalanceResponse>(&await_rebalance, waiting, 0);
  EXPECT_EQ(refused.error_code, code(ErrorCode::cluster_authorization_failed));
}

TEST_F(GroupApis, commits_are_answered_when_they_are_in_the_log) {
  const std::string member = join();
  groups_.hold = true;
  EXPECT_TRUE(serve(&offset_commit, commit_request(member, generation_), 8).bytes.empty());
  EXPECT_TRUE(remote_->later_replies.empty());
  groups_.let_go();
  ASSERT_EQ(remote_->later_replies.size(), 1u);
  const auto answer = decoded<kafka::OffsetCommitResponse>(remote_->later_replies[0], 8);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, 0);
}

TEST_F(GroupApis, offsets_go_in_and_out_in_every_version) {
  const std::string member = join();
  for (int16_t version = 1; version <= 8; ++version) {
    const auto committed = served<kafka::OffsetCommitResponse>(
        &offset_commit, commit_request(member, generation_), version);
    EXPECT_EQ(committed.topics.at(0).partitions.at(0).error_code, 0);
    EXPECT_EQ(committed.topics.at(0).partitions.at(1).error_code, 3);  // there are three partitions
    EXPECT_EQ(committed.topics.at(1).partitions.at(0).error_code, 3);  // there is no such topic

    kafka::OffsetFetchRequest request;
    request.group_id = "g";
    request.topics = {{{"t", {0, 1}}}};
    request.groups = {{"g", {{{"t", {0, 1}}}}}, {"unknown", {{{"t", {0}}}}}, {"g", std::nullopt}};
    const auto fetched = now(&offset_fetch, request, version);
    if (version < 8) {
      EXPECT_EQ(fetched.topics.at(0).partitions.at(0).committed_offset, 10);
      EXPECT_EQ(fetched.topics.at(0).partitions.at(0).metadata, "note");
      EXPECT_EQ(fetched.topics.at(0).partitions.at(1).committed_offset, -1);
      EXPECT_EQ(fetched.topics.at(0).partitions.at(1).error_code, 0);
    } else {
      ASSERT_EQ(fetched.groups.size(), 3u);
      EXPECT_EQ(fetched.groups[0].topics.at(0).partitions.at(0).committed_offset, 10);
      EXPECT_EQ(fetched.groups[1].topics.at(0).partitions.at(0).committed_offset, -1);
      EXPECT_EQ(fetched.groups[2].topics.at(0).partitions.size(), 1u);
    }
  }
  kafka::OffsetFetchRequest all;
  all.group_id = "g";
  EXPECT_EQ(now(&offset_fetch, all, 7).topics.at(0).partitions.size(), 1u);
}

TEST_F(GroupApis, commits_of_strangers_are_refused) {
  join();
  const auto answer =
      served<kafka::OffsetCommitResponse>(&offset_commit, commit_request("nobody", generation_), 8);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error_code, 25);
}

TEST_F(GroupApis, an_error_of_a_fetch_stands_where_the_version_has_a_place) {
  groups_.fetch_error = GroupError::coordinator_load_in_progress;
  kafka::OffsetFetchRequest request;
  request.group_id = "g";
  request.topics = {{{"t", {0, 1}}}};
  const auto old = now(&offset_fetch, request, 1);
  EXPECT_EQ(old.topics.at(0).partitions.at(1).error_code, 14);
  EXPECT_EQ(now(&offset_fetch, request, 2).error_code, 14);
  request.groups = {{"g", std::nullopt}};
  EXPECT_EQ(now(&offset_fetch, request, 8).groups.at(0).error_code, 14);
}

TEST_F(GroupApis, groups_are_described_and_listed_in_every_version) {
  const std::string member = join();
  for (int16_t version = 0; version <= 5; ++version) {
    const auto answer =
        now(&describe_groups, kafka::DescribeGroupsRequest{{"g", "unknown"}, true}, version);
    ASSERT_EQ(answer.groups.size(), 2u);
    EXPECT_EQ(answer.groups[0].group_state, "Stable");
    EXPECT_EQ(answer.groups[0].protocol_data, "range");
    EXPECT_EQ(answer.groups[0].members.at(0).member_id, member);
    EXPECT_EQ(answer.groups[0].members.at(0).member_assignment.size(), 5u);
    EXPECT_EQ(answer.groups[1].group_state, "Dead");
    EXPECT_EQ(answer.groups[1].error_code, 0);
  }
  for (int16_t version = 0; version <= 4; ++version) {
    const auto answer = now(&list_groups, kafka::ListGroupsRequest{}, version);
    ASSERT_EQ(answer.groups.size(), 1u);
    EXPECT_EQ(answer.groups[0].protocol_type, "consumer");
  }
  EXPECT_TRUE(now(&list_groups, kafka::ListGroupsRequest{{"Empty"}}, 4).groups.empty());
}

TEST_F(GroupApis, groups_and_offsets_are_deleted) {
  const std::string member = join();
  served<kafka::OffsetCommitResponse>(&offset_commit, commit_request(member, generation_), 8);
  kafka::OffsetDeleteRequest offsets{"g", {{"t", {{0}, {9}}}}};
  // Its subscription cannot be read, so every topic counts as read.
  auto gone = served<kafka::OffsetDeleteResponse>(&offset_delete, offsets, 0);
  EXPECT_EQ(gone.topics.at(0).partitions.at(0).error_code, 86);
  EXPECT_EQ(gone.topics.at(0).partitions.at(1).error_code, 3);
  const kafka::DeleteGroupsRequest groups{{"g", "unknown"}};
  for (int16_t version = 0; version <= 2; ++version) {
    const auto refused = served<kafka::DeleteGroupsResponse>(&delete_groups, groups, version);
    EXPECT_EQ(refused.results.at(0).error_code, 68);
    EXPECT_EQ(refused.results.at(1).error_code, 69);
  }
  groups_.leave({"g", {{member}}});
  gone = served<kafka::OffsetDeleteResponse>(&offset_delete, offsets, 0);
  EXPECT_EQ(gone.topics.at(0).partitions.at(0).error_code, 0);
  offsets.group_id = "unknown";
  EXPECT_EQ(served<kafka::OffsetDeleteResponse>(&offset_delete, offsets, 0).error_code, 69);
  EXPECT_EQ(served<kafka::DeleteGroupsResponse>(&delete_groups, groups, 2).results.at(0).error_code,
            0);
  EXPECT_TRUE(now(&list_groups, kafka::ListGroupsRequest{}, 4).groups.empty());
  EXPECT_TRUE(served<kafka::DeleteGroupsResponse>(&delete_groups, kafka::DeleteGroupsRequest{}, 2)
                  .results.empty());
}

TEST_F(GroupApis, half_a_request_is_an_error) {
  kafka::Writer writer;
  join_request("").encode(writer, 7);
  kafka::Bytes body = std::move(writer).take().value();
  body.pop_back();
  kafka::Reader reader(body);
  RequestContext in = context(7);
  EXPECT_FALSE(join_group(reader, header<kafka::JoinGroupRequest>(7), in));
}

}  // namespace
}  // namespace ringmain::gateway
