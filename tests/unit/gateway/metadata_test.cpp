// Metadata: which topics are told, and when they are created.
#include "kafka/generated/metadata.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::MetadataRequest;
using kafka::MetadataResponse;
using testing::ElementsAre;
using testing::IsEmpty;

MetadataRequest asking_for(const std::vector<std::string>& names) {
  MetadataRequest request;
  request.topics.emplace();
  for (const std::string& name : names) request.topics->push_back({name});
  return request;
}

std::vector<std::string> names_of(const MetadataResponse& response) {
  std::vector<std::string> names;
  for (const auto& topic : response.topics) names.push_back(topic.name);
  return names;
}

class Metadata : public GatewayTest {};

TEST_F(Metadata, names_this_broker_as_everything_a_client_may_ask_for) {
  create("trades", 2);
  const auto response = ask<MetadataResponse>(MetadataRequest{});
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].node_id, 7);
  EXPECT_EQ(response.cluster_id, "the-cluster");
  EXPECT_EQ(response.controller_id, 7);
  ASSERT_EQ(response.topics.size(), 1u);
  const auto& topic = response.topics[0];
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_FALSE(topic.is_internal);
  ASSERT_EQ(topic.partitions.size(), 2u);
  for (int32_t i = 0; i < 2; ++i) {
    const auto& partition = topic.partitions[static_cast<size_t>(i)];
    EXPECT_EQ(partition.partition_index, i);
    EXPECT_EQ(partition.leader_id, 7);
    EXPECT_THAT(partition.replica_nodes, ElementsAre(7));
    EXPECT_THAT(partition.isr_nodes, ElementsAre(7));
  }
}

TEST_F(Metadata, gives_each_listener_its_own_address) {
  EXPECT_EQ(ask<MetadataResponse>(MetadataRequest{}).brokers[0].port, 9093);
  EXPECT_EQ(ask_locally<MetadataResponse>(MetadataRequest{}).brokers[0].port, 9092);
}

TEST_F(Metadata, takes_an_empty_list_for_all_in_version_0_and_for_none_later) {
  create("a");
  create("b");
  EXPECT_THAT(names_of(ask<MetadataResponse>(asking_for({}), 0)), ElementsAre("a", "b"));
  for (int16_t version = 1; version <= MetadataRequest::max_version; ++version) {
    EXPECT_THAT(names_of(ask<MetadataResponse>(asking_for({}), version)), IsEmpty());
    EXPECT_THAT(names_of(ask<MetadataResponse>(MetadataRequest{}, version)), ElementsAre("a", "b"));
  }
}

TEST_F(Metadata, creates_a_missing_topic_and_knows_it_the_next_time) {
  for (const int16_t version : {int16_t{0}, int16_t{3}, int16_t{4}, int16_t{9}}) {
    const std::string name = "new" + std::to_string(version);
    const auto first = ask<MetadataResponse>(asking_for({name}), version);
    EXPECT_EQ(first.topics.at(0).error_code, code(ErrorCode::leader_not_available));
    EXPECT_THAT(first.topics[0].partitions, IsEmpty());
    const auto second = ask<MetadataResponse>(asking_for({name}), version);
    EXPECT_EQ(second.topics.at(0).error_code, 0);
    EXPECT_EQ(second.topics[0].partitions.size(), 3u);
  }
}

TEST_F(Metadata, creates_nothing_that_the_client_or_the_broker_does_not_want) {
  auto request = asking_for({"new"});
  request.allow_auto_topic_creation = false;
  EXPECT_EQ(ask<MetadataResponse>(request).topics.at(0).error_code,
            code(ErrorCode::unknown_topic_or_partition));

  Gateway strict({topics_, records_, broker_, attach_, authorizer_}, {.auto_create_topics = false},
                 [](net::LogLevel, std::string_view) {});
  const auto reply = strict.handle(*remote_, message_of(asking_for({"new"}), 1));
  EXPECT_EQ(decoded<MetadataResponse>(reply, 1).topics.at(0).error_code,
            code(ErrorCode::unknown_topic_or_partition));
  EXPECT_FALSE(exists("new"));
}

TEST_F(Metadata, never_creates_an_internal_topic) {
  const auto response = ask<MetadataResponse>(asking_for({"__consumer_offsets"}));
  EXPECT_EQ(response.topics.at(0).error_code, code(ErrorCode::unknown_topic_or_partition));
  EXPECT_TRUE(response.topics[0].is_internal);
}

TEST_F(Metadata, refuses_an_illegal_name_and_answers_for_the_others) {
  create("a");
  const auto response = ask<MetadataResponse>(asking_for({"a/b", "a", ""}));
  EXPECT_THAT(names_of(response), ElementsAre("a/b", "a", ""));
  EXPECT_EQ(response.topics[0].error_code, code(ErrorCode::invalid_topic));
  EXPECT_EQ(response.topics[1].error_code, 0);
  EXPECT_EQ(response.topics[2].error_code, code(ErrorCode::invalid_topic));
}

TEST_F(Metadata, answers_once_for_a_name_that_comes_twice) {
  create("a");
  EXPECT_THAT(names_of(ask<MetadataResponse>(asking_for({"a", "a"}))), ElementsAre("a"));
}

TEST_F(Metadata, hides_what_the_client_may_not_see_and_creates_nothing_for_it) {
  create("secret");
  authorizer_.denied = {
      {Operation::describe, "secret"}, {Operation::create, ""}, {Operation::create, "new"}};
  EXPECT_THAT(names_of(ask<MetadataResponse>(MetadataRequest{})), IsEmpty());
  const auto response = ask<MetadataResponse>(asking_for({"secret", "new"}));
  EXPECT_EQ(response.topics.at(0).error_code, code(ErrorCode::topic_authorization_failed));
  EXPECT_THAT(response.topics[0].partitions, IsEmpty());
  EXPECT_EQ(response.topics.at(1).error_code, code(ErrorCode::topic_authorization_failed));
  EXPECT_FALSE(exists("new"));
}

TEST_F(Metadata, tells_what_the_client_may_do_where_it_asks) {
  create("a");
  authorizer_.denied = {{Operation::write, "a"}};
  MetadataRequest request;
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  const auto response = ask<MetadataResponse>(request);
  const auto bits = [](std::initializer_list<int> operations) {
    int32_t set = 0;
    for (const int operation : operations) set |= 1 << operation;
    return set;
  };
  EXPECT_EQ(response.topics.at(0).topic_authorized_operations, bits({3, 5, 6, 7, 8, 10, 11}));
  EXPECT_EQ(response.cluster_authorized_operations, bits({5, 7, 8, 9, 10, 11, 12}));
}

}  // namespace
}  // namespace ringmain::gateway
