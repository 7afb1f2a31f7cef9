// CreatePartitions: topics grow, and never shrink.
#include "kafka/generated/create_partitions.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::CreatePartitionsRequest;
using kafka::CreatePartitionsResponse;
using testing::HasSubstr;

class CreatePartitions : public GatewayTest {
 protected:
  CreatePartitions() { create("a", 2); }

  CreatePartitionsResponse::Topic grow(const CreatePartitionsRequest::Topic& topic) {
    CreatePartitionsRequest request;
    request.topics = {topic};
    return ask<CreatePartitionsResponse>(request).results.at(0);
  }
  uint32_t count() { return topics_.find("a")->partitions; }
};

TEST_F(CreatePartitions, adds_up_to_the_new_total_in_every_version) {
  for (int16_t version = 0; version <= CreatePartitionsRequest::max_version; ++version) {
    CreatePartitionsRequest request;
    request.topics = {{"a", 3 + version, std::nullopt}};
    const auto response = ask<CreatePartitionsResponse>(request, version);
    EXPECT_EQ(response.results.at(0).error_code, 0);
    EXPECT_FALSE(response.results[0].error_message);
    EXPECT_EQ(count(), 3u + static_cast<uint32_t>(version));
  }
}

TEST_F(CreatePartitions, refuses_to_shrink_or_to_stay) {
  for (const int32_t total : {1, 0, -5, 2}) {
    const auto answer = grow({"a", total, std::nullopt});
    EXPECT_EQ(answer.error_code, code(ErrorCode::invalid_partitions)) << total;
    EXPECT_THAT(*answer.error_message, HasSubstr("has 2 partitions"));
  }
  EXPECT_EQ(count(), 2u);
}

TEST_F(CreatePartitions, refuses_where_groups_would_lose_their_offsets) {
  create("__consumer_offsets", 50);
  const auto answer = grow({"__consumer_offsets", 51, std::nullopt});
  EXPECT_EQ(answer.error_code, code(ErrorCode::invalid_partitions));
  EXPECT_THAT(*answer.error_message, HasSubstr("keeps its 50 partitions"));
  EXPECT_EQ(topics_.find("__consumer_offsets")->partitions, 50u);
}

TEST_F(CreatePartitions, refuses_an_unknown_topic) {
  EXPECT_EQ(grow({"b", 3, std::nullopt}).error_code, code(ErrorCode::unknown_topic_or_partition));
}

TEST_F(CreatePartitions, refuses_a_name_that_comes_twice) {
  CreatePartitionsRequest request;
  request.topics = {{"a", 3, std::nullopt}, {"a", 4, std::nullopt}};
  const auto response = ask<CreatePartitionsResponse>(request);
  ASSERT_EQ(response.results.size(), 1u);
  EXPECT_EQ(response.results[0].error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(count(), 2u);
}

TEST_F(CreatePartitions, only_checks_when_asked_to_validate) {
  CreatePartitionsRequest request;
  request.validate_only = true;
  request.topics = {{"a", 9, std::nullopt}};
  EXPECT_EQ(ask<CreatePartitionsResponse>(request).results.at(0).error_code, 0);
  EXPECT_EQ(count(), 2u);
}

TEST_F(CreatePartitions, places_new_ones_by_hand_on_this_broker_only) {
  using Placed = std::vector<CreatePartitionsRequest::Assignment>;
  const auto expect = [&](const Placed& placed, ErrorCode error) {
    EXPECT_EQ(grow({"a", 4, placed}).error_code, code(error));
  };
  expect({{{7}}}, ErrorCode::invalid_replica_assignment);         // two are added
  expect({{{7}}, {{8}}}, ErrorCode::invalid_replica_assignment);  // no broker 8
  expect({{{7}}, {{7}}}, ErrorCode::none);
  EXPECT_EQ(count(), 4u);
}

TEST_F(CreatePartitions, needs_the_right_to_alter) {
  authorizer_.denied = {{Operation::alter, "a"}};
  EXPECT_EQ(grow({"a", 3, std::nullopt}).error_code, code(ErrorCode::topic_authorization_failed));
  EXPECT_EQ(count(), 2u);
}

}  // namespace
}  // namespace ringmain::gateway
