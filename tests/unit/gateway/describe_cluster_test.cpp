// DescribeCluster: a cluster of one.
#include "kafka/generated/describe_cluster.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeClusterRequest;
using kafka::DescribeClusterResponse;

using DescribeCluster = GatewayTest;

constexpr int32_t not_asked_for = INT32_MIN;

TEST_F(DescribeCluster, names_this_broker_as_the_only_one_and_the_controller_in_every_version) {
  for (int16_t version = 0; version <= DescribeClusterRequest::max_version; ++version) {
    const auto response = ask<DescribeClusterResponse>(DescribeClusterRequest{}, version);
    EXPECT_EQ(response.error_code, 0);
    EXPECT_EQ(response.cluster_id, "the-cluster");
    EXPECT_EQ(response.controller_id, 7);
    ASSERT_EQ(response.brokers.size(), 1u);
    EXPECT_EQ(response.brokers[0].broker_id, 7);
    EXPECT_EQ(response.brokers[0].host, "127.0.0.1");
    EXPECT_EQ(response.brokers[0].port, 9093) << "of the listener that was asked";
    EXPECT_EQ(response.cluster_authorized_operations, not_asked_for);
  }
}

TEST_F(DescribeCluster, tells_what_the_client_may_do_when_asked) {
  DescribeClusterRequest request;
  request.include_cluster_authorized_operations = true;
  const auto all = ask<DescribeClusterResponse>(request).cluster_authorized_operations;
  EXPECT_GT(all, 0);
  authorizer_.denied = {{Operation::alter_configs, ""}};
  EXPECT_EQ(all - ask<DescribeClusterResponse>(request).cluster_authorized_operations,
            1 << static_cast<int>(Operation::alter_configs));
}

TEST_F(DescribeCluster, has_no_controllers_to_tell_of) {
  DescribeClusterRequest request;
  request.endpoint_type = 2;
  const auto response = ask<DescribeClusterResponse>(request);
  EXPECT_EQ(response.error_code, code(ErrorCode::mismatched_endpoint_type));
  EXPECT_TRUE(response.brokers.empty());
}

TEST_F(DescribeCluster, needs_the_right_to_see_it) {
  authorizer_.denied = {{Operation::describe, ""}};
  EXPECT_EQ(ask<DescribeClusterResponse>(DescribeClusterRequest{}).error_code,
            code(ErrorCode::cluster_authorization_failed));
}

}  // namespace
}  // namespace ringmain::gateway
