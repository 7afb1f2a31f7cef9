// CreateTopics: what is refused, with which code, and that the others come into being.
#include "kafka/generated/create_topics.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::CreateTopicsRequest;
using kafka::CreateTopicsResponse;
using testing::HasSubstr;
using testing::IsEmpty;
using Wanted = CreateTopicsRequest::Topic;

class CreateTopics : public GatewayTest {
 protected:
  static Wanted topic(const std::string& name, int32_t partitions = 1, int16_t replicas = 1) {
    Wanted wanted;
    wanted.name = name;
    wanted.num_partitions = partitions;
    wanted.replication_factor = replicas;
    return wanted;
  }

  CreateTopicsResponse create_all(std::vector<Wanted> topics) {
    CreateTopicsRequest request;
    request.topics = std::move(topics);
    return ask<CreateTopicsResponse>(request);
  }

  // The answer to a request for this one.
  CreateTopicsResponse::Topic answer_to(const Wanted& wanted) {
    const auto response = create_all({wanted});
    EXPECT_EQ(response.topics.size(), 1u);
    return response.topics.empty() ? CreateTopicsResponse::Topic{} : response.topics[0];
  }

  void expect_refused(const Wanted& wanted, ErrorCode error) {
    const auto answer = answer_to(wanted);
    EXPECT_EQ(answer.error_code, code(error)) << wanted.name;
    EXPECT_FALSE(answer.error_message.value_or("").empty());
    EXPECT_FALSE(exists(wanted.name));
  }
};

TEST_F(CreateTopics, creates_them_in_every_version) {
  for (int16_t version = 0; version <= CreateTopicsRequest::max_version; ++version) {
    CreateTopicsRequest request;
    request.topics = {topic("topic" + std::to_string(version), 4)};
    const auto response = ask<CreateTopicsResponse>(request, version);
    ASSERT_EQ(response.topics.size(), 1u);
    EXPECT_EQ(response.topics[0].error_code, 0);
    EXPECT_EQ(topics_.find(request.topics[0].name)->partitions, 4u);
  }
}

TEST_F(CreateTopics, tells_id_counts_and_settings_of_the_new_topic) {
  Wanted wanted = topic("a", -1, -1);
  wanted.configs = {{"retention.ms", "1000"}};
  const auto answer = answer_to(wanted);
  EXPECT_EQ(answer.topic_id, topics_.find("a")->id);
  EXPECT_EQ(answer.num_partitions, 3);
  EXPECT_EQ(answer.replication_factor, 1);
  ASSERT_TRUE(answer.configs && answer.configs->size() == 2);
  EXPECT_EQ(answer.configs->at(0).value, "1000");
  EXPECT_EQ(answer.configs->at(0).config_source, 1);
}

TEST_F(CreateTopics, refuses_illegal_names) {
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a b"), std::string(250, 'x')}) {
    expect_refused(topic(name), ErrorCode::invalid_topic);
  }
}

TEST_F(CreateTopics, refuses_partition_counts_that_make_no_topic) {
  expect_refused(topic("a", 0), ErrorCode::invalid_partitions);
  expect_refused(topic("a", -2), ErrorCode::invalid_partitions);
  expect_refused(topic("a", 1'000'000), ErrorCode::invalid_partitions);
}

TEST_F(CreateTopics, refuses_more_replicas_than_there_are_brokers) {
  for (const int replicas : {0, 2, 3, -2}) {
    expect_refused(topic("a", 1, static_cast<int16_t>(replicas)),
                   ErrorCode::invalid_replication_factor);
  }
}

TEST_F(CreateTopics, refuses_settings_that_are_unknown_bad_or_null) {
  Wanted wanted = topic("a");
  wanted.configs = {{"retention.hours", "1"}};
  expect_refused(wanted, ErrorCode::invalid_config);
  wanted.configs = {{"retention.ms", "soon"}};
  expect_refused(wanted, ErrorCode::invalid_config);
  wanted.configs = {{"retention.ms", std::nullopt}};
  expect_refused(wanted, ErrorCode::invalid_config);
}

TEST_F(CreateTopics, refuses_a_topic_that_exists) {
  create("a", 2);
  EXPECT_EQ(answer_to(topic("a")).error_code, code(ErrorCode::topic_already_exists));
  EXPECT_EQ(topics_.find("a")->partitions, 2u);
}

TEST_F(CreateTopics, refuses_a_name_that_comes_twice_and_creates_the_others) {
  const auto response = create_all({topic("twice"), topic("once"), topic("twice", 5)});
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "twice");
  EXPECT_EQ(response.topics[0].error_code, code(ErrorCode::invalid_request));
  EXPECT_THAT(*response.topics[0].error_message, HasSubstr("more than once"));
  EXPECT_EQ(response.topics[1].error_code, 0);
  EXPECT_FALSE(exists("twice"));
  EXPECT_TRUE(exists("once"));
}

TEST_F(CreateTopics, creates_the_good_ones_beside_bad_ones) {
  const auto response = create_all({topic("bad", 0), topic("good"), topic("worse", 1, 9)});
  EXPECT_EQ(response.topics.at(0).error_code, code(ErrorCode::invalid_partitions));
  EXPECT_EQ(response.topics.at(1).error_code, 0);
  EXPECT_EQ(response.topics.at(2).error_code, code(ErrorCode::invalid_replication_factor));
  EXPECT_TRUE(exists("good"));
}

TEST_F(CreateTopics, only_checks_when_asked_to_validate) {
  CreateTopicsRequest request;
  request.validate_only = true;
  request.topics = {topic("good", 5), topic("bad", 0)};
  request.topics[0].configs = {{"retention.ms", "1000"}};
  const auto response = ask<CreateTopicsResponse>(request);
  EXPECT_EQ(response.topics.at(0).error_code, 0);
  EXPECT_EQ(response.topics[0].num_partitions, 5);
  EXPECT_EQ(response.topics[0].configs->at(0).name, "retention.ms");
  EXPECT_EQ(response.topics.at(1).error_code, code(ErrorCode::invalid_partitions));
  EXPECT_FALSE(exists("good"));
}

TEST_F(CreateTopics, takes_replicas_placed_by_hand_on_this_broker) {
  Wanted wanted = topic("a", -1, -1);
  wanted.assignments = {{1, {7}}, {0, {7}}};
  EXPECT_EQ(answer_to(wanted).error_code, 0);
  EXPECT_EQ(topics_.find("a")->partitions, 2u);
}

TEST_F(CreateTopics, refuses_replicas_placed_where_they_cannot_be) {
  Wanted wanted = topic("a", -1, -1);
  wanted.assignments = {{0, {8}}};  // no such broker
  expect_refused(wanted, ErrorCode::invalid_replica_assignment);
  wanted.assignments = {{0, {7, 7}}};
  expect_refused(wanted, ErrorCode::invalid_replica_assignment);
  wanted.assignments = {{0, {}}};
  expect_refused(wanted, ErrorCode::invalid_replica_assignment);
  wanted.assignments = {{0, {7}}, {2, {7}}};  // no partition 1
  expect_refused(wanted, ErrorCode::invalid_replica_assignment);
  wanted.assignments = {{0, {7}}, {0, {7}}};
  expect_refused(wanted, ErrorCode::invalid_replica_assignment);
  wanted.assignments = {{0, {7}}};
  wanted.num_partitions = 1;  // and counted as well
  expect_refused(wanted, ErrorCode::invalid_request);
}

TEST_F(CreateTopics, needs_the_right_to_create) {
  authorizer_.denied = {{Operation::create, ""}, {Operation::create, "a"}};
  expect_refused(topic("a"), ErrorCode::topic_authorization_failed);
  EXPECT_EQ(answer_to(topic("b")).error_code, 0);
}

TEST_F(CreateTopics, hides_the_settings_from_whoever_may_not_see_them) {
  authorizer_.denied = {{Operation::describe_configs, "a"}};
  const auto answer = answer_to(topic("a"));
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.topic_config_error_code, code(ErrorCode::topic_authorization_failed));
  EXPECT_FALSE(answer.configs);
  EXPECT_TRUE(exists("a"));
}

TEST_F(CreateTopics, does_nothing_for_an_empty_list) {
  EXPECT_THAT(create_all({}).topics, IsEmpty());
}

TEST_F(CreateTopics, takes_the_id_that_a_local_client_has_chosen_and_no_other_topic_passes_for_it) {
  CreateTopicsRequest request;
  request.topics = {topic("a")};
  request.topics[0].configs = {{"ringmain.topic.id", "000102030405060708090a0B0c0d0e0f"}};
  const auto made = ask_locally<CreateTopicsResponse>(request).topics.at(0);
  EXPECT_EQ(made.error_code, 0) << made.error_message.value_or("");
  const kafka::Uuid chosen{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
  EXPECT_EQ(made.topic_id, chosen);
  EXPECT_TRUE(topics_.find("a")->overrides.empty());

  const auto again = ask_locally<CreateTopicsResponse>(request).topics.at(0);
  EXPECT_EQ(again.error_code, 0);
  EXPECT_EQ(again.topic_id, chosen);

  request.topics[0].configs.at(0).value = "100102030405060708090a0b0c0d0e0f";
  EXPECT_EQ(ask_locally<CreateTopicsResponse>(request).topics.at(0).error_code,
            code(ErrorCode::topic_already_exists));
}

TEST_F(CreateTopics, refuses_what_is_no_id_and_any_id_from_a_remote_client) {
  CreateTopicsRequest request;
  request.topics = {topic("a")};
  for (const char* id : {"", "0", "00000000000000000000000000000000", "g0102030405060708090a0b0c0d0e0f0",
                         "-10102030405060708090a0b0c0d0e0f0", "000102030405060708090a0b0c0d0e0f00"}) {
    request.topics[0].configs = {{"ringmain.topic.id", id}};
    EXPECT_EQ(ask_locally<CreateTopicsResponse>(request).topics.at(0).error_code,
              code(ErrorCode::invalid_request))
        << id;
  }
  Wanted remote = topic("a");
  remote.configs = {{"ringmain.topic.id", "000102030405060708090a0b0c0d0e0f"}};
  expect_refused(remote, ErrorCode::invalid_config);
}

}  // namespace
}  // namespace ringmain::gateway
