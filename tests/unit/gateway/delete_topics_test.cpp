// DeleteTopics: by name and by id.
#include "kafka/generated/delete_topics.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DeleteTopicsRequest;
using kafka::DeleteTopicsResponse;

constexpr int16_t unknown_topic_id = 100;

class DeleteTopics : public GatewayTest {
 protected:
  DeleteTopicsResponse remove(std::vector<DeleteTopicsRequest::Topic> topics) {
    DeleteTopicsRequest request;
    request.topics = std::move(topics);
    return ask<DeleteTopicsResponse>(request);
  }
  kafka::Uuid id_of(const std::string& name) { return topics_.find(name)->id; }
};

TEST_F(DeleteTopics, removes_them_by_name_in_every_version) {
  for (int16_t version = 0; version <= DeleteTopicsRequest::max_version; ++version) {
    create("a");
    DeleteTopicsRequest request;
    if (version < 6) {
      request.topic_names = {"a", "missing"};
    } else {
      request.topics = {{"a", {}}, {"missing", {}}};
    }
    const auto response = ask<DeleteTopicsResponse>(request, version);
    ASSERT_EQ(response.responses.size(), 2u);
    EXPECT_EQ(response.responses[0].name, "a");
    EXPECT_EQ(response.responses[0].error_code, 0);
    EXPECT_EQ(response.responses[1].error_code, code(ErrorCode::unknown_topic_or_partition));
    EXPECT_FALSE(exists("a"));
  }
}

TEST_F(DeleteTopics, removes_them_by_id_and_tells_the_name) {
  create("a");
  const kafka::Uuid id = id_of("a");
  const auto response = remove({{std::nullopt, id}});
  EXPECT_EQ(response.responses.at(0).error_code, 0);
  EXPECT_EQ(response.responses[0].name, "a");
  EXPECT_EQ(response.responses[0].topic_id, id);
  EXPECT_FALSE(exists("a"));
}

TEST_F(DeleteTopics, answers_for_an_unknown_id_without_a_name) {
  kafka::Uuid id;
  id.bytes.fill(9);
  const auto response = remove({{std::nullopt, id}});
  EXPECT_EQ(response.responses.at(0).error_code, unknown_topic_id);
  EXPECT_FALSE(response.responses[0].name);
}

TEST_F(DeleteTopics, refuses_a_topic_with_neither_name_nor_id_or_both) {
  create("a");
  const auto response = remove({{std::nullopt, {}}, {"a", id_of("a")}});
  EXPECT_EQ(response.responses.at(0).error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(response.responses.at(1).error_code, code(ErrorCode::invalid_request));
  EXPECT_TRUE(exists("a"));
}

TEST_F(DeleteTopics, refuses_a_topic_that_comes_twice_by_name_or_id_and_removes_the_others) {
  create("a");
  create("b");
  create("c");
  const auto response =
      remove({{"a", {}}, {"a", {}}, {"b", {}}, {std::nullopt, id_of("b")}, {"c", {}}});
  ASSERT_EQ(response.responses.size(), 3u);
  EXPECT_EQ(response.responses[0].error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(response.responses[1].error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(response.responses[2].error_code, 0);
  EXPECT_TRUE(exists("a"));
  EXPECT_TRUE(exists("b"));
  EXPECT_FALSE(exists("c"));
}

TEST_F(DeleteTopics, needs_the_right_and_never_tells_a_hidden_name) {
  create("a");
  authorizer_.denied = {{Operation::remove, "a"}, {Operation::describe, "a"}};
  const auto response = remove({{std::nullopt, id_of("a")}});
  EXPECT_EQ(response.responses.at(0).error_code, code(ErrorCode::topic_authorization_failed));
  EXPECT_FALSE(response.responses[0].name);
  EXPECT_TRUE(exists("a"));
}

}  // namespace
}  // namespace ringmain::gateway
