// DescribeConfigs: values, their sources, and secrets that stay secret.
#include "kafka/generated/describe_configs.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeConfigsRequest;
using kafka::DescribeConfigsResponse;
using testing::IsEmpty;

constexpr int8_t topic_resource = 2;
constexpr int8_t broker_resource = 4;

class DescribeConfigs : public GatewayTest {
 protected:
  DescribeConfigs() {
    create("plain");
    create("short-lived", 1, {{"retention.ms", "1000"}});
  }

  DescribeConfigsResponse::Resource describe(int8_t type, const std::string& name) {
    DescribeConfigsRequest request;
    request.resources = {{type, name, std::nullopt}};
    return ask<DescribeConfigsResponse>(request).results.at(0);
  }
};

TEST_F(DescribeConfigs, tells_an_override_from_a_default_in_every_version) {
  for (int16_t version = 0; version <= DescribeConfigsRequest::max_version; ++version) {
    DescribeConfigsRequest request;
    request.resources = {{topic_resource, "plain", std::nullopt},
                         {topic_resource, "short-lived", std::nullopt}};
    const auto response = ask<DescribeConfigsResponse>(request, version);
    const auto& plain = response.results.at(0).configs.at(0);
    const auto& changed = response.results.at(1).configs.at(0);
    EXPECT_EQ(plain.name, "retention.ms");
    EXPECT_EQ(plain.value, "604800000");
    EXPECT_EQ(changed.value, "1000");
    if (version == 0) {
      EXPECT_TRUE(plain.is_default);
      EXPECT_FALSE(changed.is_default);
    } else {
      EXPECT_EQ(plain.config_source, 5);
      EXPECT_EQ(changed.config_source, 1);
    }
  }
}

TEST_F(DescribeConfigs, adds_synonyms_and_documentation_only_when_asked) {
  DescribeConfigsRequest request;
  request.resources = {{topic_resource, "short-lived", std::nullopt}};
  const auto bare = ask<DescribeConfigsResponse>(request).results.at(0).configs.at(0);
  EXPECT_THAT(bare.synonyms, IsEmpty());
  EXPECT_FALSE(bare.documentation);
  EXPECT_EQ(bare.config_type, 5);

  request.include_synonyms = true;
  request.include_documentation = true;
  const auto full = ask<DescribeConfigsResponse>(request).results.at(0).configs.at(0);
  ASSERT_EQ(full.synonyms.size(), 2u);
  EXPECT_EQ(full.synonyms[0].value, "1000");
  EXPECT_EQ(full.synonyms[0].source, 1);
  EXPECT_EQ(full.synonyms[1].value, "604800000");
  EXPECT_EQ(full.synonyms[1].source, 5);
  EXPECT_EQ(full.documentation, "how long records are kept");
}

TEST_F(DescribeConfigs, tells_only_the_keys_that_are_wanted) {
  DescribeConfigsRequest request;
  request.resources = {{topic_resource, "plain", {{"segment.bytes"}}},
                       {topic_resource, "short-lived", {{"retention.ms", "no.such.key"}}}};
  const auto response = ask<DescribeConfigsResponse>(request);
  EXPECT_THAT(response.results.at(0).configs, IsEmpty());
  EXPECT_EQ(response.results.at(1).configs.size(), 1u);
}

TEST_F(DescribeConfigs, describes_this_broker_and_keeps_its_secrets) {
  const auto described = describe(broker_resource, "7");
  EXPECT_EQ(described.error_code, 0);
  ASSERT_EQ(described.configs.size(), 1u);
  EXPECT_EQ(described.configs[0].name, "ssl.key.password");
  EXPECT_TRUE(described.configs[0].is_sensitive);
  EXPECT_TRUE(described.configs[0].read_only);
  EXPECT_FALSE(described.configs[0].value);
}

TEST_F(DescribeConfigs, keeps_secrets_out_of_synonyms_too) {
  DescribeConfigsRequest request;
  request.resources = {{broker_resource, "7", std::nullopt}};
  request.include_synonyms = true;
  const auto response = ask<DescribeConfigsResponse>(request);
  const auto& synonyms = response.results.at(0).configs.at(0).synonyms;
  ASSERT_EQ(synonyms.size(), 1u);
  EXPECT_FALSE(synonyms[0].value);
}

TEST_F(DescribeConfigs, knows_no_other_broker_and_no_cluster_wide_settings) {
  EXPECT_EQ(describe(broker_resource, "8").error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(describe(broker_resource, "seven").error_code, code(ErrorCode::invalid_request));
  const auto cluster_wide = describe(broker_resource, "");
  EXPECT_EQ(cluster_wide.error_code, 0);
  EXPECT_THAT(cluster_wide.configs, IsEmpty());
}

TEST_F(DescribeConfigs, refuses_what_has_no_settings) {
  EXPECT_EQ(describe(topic_resource, "missing").error_code,
            code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(describe(topic_resource, "a/b").error_code, code(ErrorCode::invalid_topic));
  EXPECT_EQ(describe(3, "group").error_code, code(ErrorCode::invalid_request));
}

TEST_F(DescribeConfigs, answers_once_for_a_resource_that_comes_twice) {
  DescribeConfigsRequest request;
  request.resources = {{topic_resource, "plain", std::nullopt},
                       {topic_resource, "plain", std::nullopt}};
  EXPECT_EQ(ask<DescribeConfigsResponse>(request).results.size(), 1u);
}

TEST_F(DescribeConfigs, needs_the_right_to_see_settings) {
  authorizer_.denied = {{Operation::describe_configs, "plain"}, {Operation::describe_configs, ""}};
  EXPECT_EQ(describe(topic_resource, "plain").error_code,
            code(ErrorCode::topic_authorization_failed));
  EXPECT_EQ(describe(broker_resource, "7").error_code,
            code(ErrorCode::cluster_authorization_failed));
}

}  // namespace
}  // namespace ringmain::gateway
