// AlterConfigs and IncrementalAlterConfigs: what is replaced, what stays, what is refused.
#include "kafka/generated/alter_configs.hpp"

#include "kafka/generated/incremental_alter_configs.hpp"
#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::AlterConfigsRequest;
using kafka::AlterConfigsResponse;
using kafka::IncrementalAlterConfigsRequest;
using kafka::IncrementalAlterConfigsResponse;
using testing::HasSubstr;
using Overrides = std::map<std::string, std::string>;

constexpr int8_t topic_resource = 2;
constexpr int8_t broker_resource = 4;
constexpr int8_t to_set = 0, to_unset = 1, to_append = 2, to_subtract = 3;

class AlterConfigs : public GatewayTest {
 protected:
  AlterConfigs() { create("a", 1, {{"retention.ms", "1000"}}); }

  AlterConfigsResponse::Resource replace(std::vector<AlterConfigsRequest::Config> configs,
                                         int8_t type = topic_resource,
                                         const std::string& name = "a") {
    AlterConfigsRequest request;
    request.resources = {{type, name, std::move(configs)}};
    return ask<AlterConfigsResponse>(request).responses.at(0);
  }
  IncrementalAlterConfigsResponse::Resource change(
      std::vector<IncrementalAlterConfigsRequest::Config> configs, int8_t type = topic_resource,
      const std::string& name = "a") {
    IncrementalAlterConfigsRequest request;
    request.resources = {{type, name, std::move(configs)}};
    return ask<IncrementalAlterConfigsResponse>(request).responses.at(0);
  }
  Overrides overrides(const std::string& topic = "a") { return topics_.find(topic)->overrides; }
};

TEST_F(AlterConfigs, replaces_all_overrides_in_every_version) {
  for (int16_t version = 0; version <= AlterConfigsRequest::max_version; ++version) {
    const std::string value = std::to_string(2000 + version);
    AlterConfigsRequest request;
    request.resources = {{topic_resource, "a", {{"retention.ms", value}}}};
    const auto response = ask<AlterConfigsResponse>(request, version);
    ASSERT_EQ(response.responses.size(), 1u);
    EXPECT_EQ(response.responses[0].error_code, 0);
    EXPECT_EQ(response.responses[0].resource_type, topic_resource);
    EXPECT_EQ(response.responses[0].resource_name, "a");
    EXPECT_EQ(overrides(), (Overrides{{"retention.ms", value}}));
  }
  EXPECT_EQ(replace({{"cleanup.policy", "compact"}}).error_code, 0);
  EXPECT_EQ(overrides(), (Overrides{{"cleanup.policy", "compact"}}))
      << "what is left out is at its default again";
}

TEST_F(AlterConfigs, changes_one_by_one_in_every_version) {
  for (int16_t version = 0; version <= IncrementalAlterConfigsRequest::max_version; ++version) {
    IncrementalAlterConfigsRequest request;
    request.resources = {{topic_resource, "a", {{"cleanup.policy", to_set, "compact"}}}};
    EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(request, version).responses.at(0).error_code, 0);
    EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}, {"cleanup.policy", "compact"}}));
    request.resources = {{topic_resource, "a", {{"cleanup.policy", to_unset, std::nullopt}}}};
    EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(request, version).responses.at(0).error_code, 0);
    EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
  }
}

TEST_F(AlterConfigs, appends_to_lists_and_takes_from_them) {
  EXPECT_EQ(change({{"cleanup.policy", to_append, "compact"}}).error_code, 0);
  EXPECT_EQ(overrides()["cleanup.policy"], "delete,compact") << "to what holds by default";
  EXPECT_EQ(change({{"cleanup.policy", to_append, "compact"}}).error_code, 0);
  EXPECT_EQ(overrides()["cleanup.policy"], "delete,compact") << "each once";
  EXPECT_EQ(change({{"cleanup.policy", to_subtract, "delete"}}).error_code, 0);
  EXPECT_EQ(overrides()["cleanup.policy"], "compact");
  EXPECT_EQ(change({{"retention.ms", to_append, "1"}}).error_code, code(ErrorCode::invalid_config));
  EXPECT_EQ(change({{"retention.ms", to_subtract, "1"}}).error_code,
            code(ErrorCode::invalid_config));
}

TEST_F(AlterConfigs, changes_of_one_resource_hold_together_or_not_at_all) {
  EXPECT_EQ(change({{"retention.ms", to_set, "5"}, {"no.such", to_set, "1"}}).error_code,
            code(ErrorCode::invalid_config));
  EXPECT_EQ(change({{"retention.ms", to_set, "5"}, {"cleanup.policy", 9, "x"}}).error_code,
            code(ErrorCode::invalid_request));
  EXPECT_EQ(change({{"retention.ms", to_set, "many"}}).error_code, code(ErrorCode::invalid_config));
  EXPECT_EQ(replace({{"retention.ms", "5"}, {"no.such", "1"}}).error_code,
            code(ErrorCode::invalid_config));
  EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
}

TEST_F(AlterConfigs, one_resource_that_is_wrong_does_not_fail_the_others) {
  create("b");
  IncrementalAlterConfigsRequest request;
  request.resources = {{topic_resource, "missing", {{"retention.ms", to_set, "5"}}},
                       {topic_resource, "b", {{"retention.ms", to_set, "5"}}}};
  const auto response = ask<IncrementalAlterConfigsResponse>(request);
  EXPECT_EQ(response.responses.at(0).error_code, code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(response.responses.at(1).error_code, 0);
  EXPECT_EQ(overrides("b"), (Overrides{{"retention.ms", "5"}}));
}

TEST_F(AlterConfigs, values_must_be_there_and_names_stand_once) {
  EXPECT_EQ(change({{"retention.ms", to_set, std::nullopt}}).error_code,
            code(ErrorCode::invalid_request));
  EXPECT_EQ(replace({{"retention.ms", std::nullopt}}).error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(
      change({{"retention.ms", to_set, "1"}, {"retention.ms", to_unset, std::nullopt}}).error_code,
      code(ErrorCode::invalid_request));
  EXPECT_EQ(replace({{"retention.ms", "1"}, {"retention.ms", "2"}}).error_code,
            code(ErrorCode::invalid_request));
  EXPECT_EQ(change({{"no.such", to_unset, std::nullopt}}).error_code,
            code(ErrorCode::invalid_config));
  EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
}

TEST_F(AlterConfigs, refuses_a_resource_that_comes_twice_and_answers_once) {
  AlterConfigsRequest request;
  request.resources = {{topic_resource, "a", {{"retention.ms", "1"}}},
                       {topic_resource, "a", {{"retention.ms", "2"}}}};
  const auto response = ask<AlterConfigsResponse>(request);
  ASSERT_EQ(response.responses.size(), 1u);
  EXPECT_EQ(response.responses[0].error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
}

TEST_F(AlterConfigs, only_checks_when_asked_to_validate) {
  AlterConfigsRequest all;
  all.validate_only = true;
  all.resources = {{topic_resource, "a", {{"retention.ms", "5"}}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(all).responses.at(0).error_code, 0);
  IncrementalAlterConfigsRequest some;
  some.validate_only = true;
  some.resources = {{topic_resource, "a", {{"retention.ms", to_set, "5"}}}};
  EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(some).responses.at(0).error_code, 0);
  some.resources = {{topic_resource, "a", {{"retention.ms", to_set, "many"}}}};
  EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(some).responses.at(0).error_code,
            code(ErrorCode::invalid_config));
  EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
}

TEST_F(AlterConfigs, says_that_a_brokers_settings_are_fixed) {
  const auto own = change({{"num.partitions", to_set, "3"}}, broker_resource, "7");
  EXPECT_EQ(own.error_code, code(ErrorCode::invalid_request));
  EXPECT_THAT(*own.error_message, HasSubstr("fixed while it runs"));
  EXPECT_EQ(replace({{"num.partitions", "3"}}, broker_resource, "7").error_code,
            code(ErrorCode::invalid_request));
  EXPECT_THAT(*change({}, broker_resource, "8").error_message, HasSubstr("this is broker 7"));
  EXPECT_EQ(change({}, broker_resource, "").error_code, code(ErrorCode::invalid_request));
}

TEST_F(AlterConfigs, refuses_what_has_no_settings) {
  EXPECT_EQ(change({}, 3, "group").error_code, code(ErrorCode::invalid_request));
  EXPECT_EQ(change({}, topic_resource, "a/b").error_code, code(ErrorCode::invalid_topic));
  EXPECT_EQ(replace({}, 8, "7").error_code, code(ErrorCode::invalid_request));
}

TEST_F(AlterConfigs, needs_the_right_to_alter_settings) {
  authorizer_.denied = {{Operation::alter_configs, "a"}, {Operation::alter_configs, ""}};
  EXPECT_EQ(change({{"retention.ms", to_set, "5"}}).error_code,
            code(ErrorCode::topic_authorization_failed));
  EXPECT_EQ(replace({{"retention.ms", "5"}}).error_code,
            code(ErrorCode::topic_authorization_failed));
  EXPECT_EQ(change({}, broker_resource, "7").error_code,
            code(ErrorCode::cluster_authorization_failed));
  EXPECT_EQ(overrides(), (Overrides{{"retention.ms", "1000"}}));
}

}  // namespace
}  // namespace ringmain::gateway
