// DescribeCluster: a cluster of one, which is its own controller.
#include "gateway/handlers/describe_cluster.hpp"

#include "gateway/handlers/authorized_operations.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeClusterRequest;
using kafka::DescribeClusterResponse;

constexpr int8_t of_brokers = 1;

Status check(const DescribeClusterRequest& request, const RequestContext& context) {
  if (!context.may(Operation::describe, Resource::cluster()))
    return fail(ErrorCode::cluster_authorization_failed, "not allowed to see the cluster");
  if (request.endpoint_type != of_brokers)
    return fail(ErrorCode::mismatched_endpoint_type,
                "this is a broker, and knows of no controllers");
  return {};
}

}  // namespace

DescribeClusterResponse describe_cluster(const DescribeClusterRequest& request,
                                         RequestContext& context) {
  DescribeClusterResponse response;
  if (const Status checked = check(request, context); !checked) {
    set_error(response, DescribeClusterResponse::api_key, checked.error());
    return response;
  }
  const BrokerIdentity identity = context.identity();
  response.cluster_id = identity.cluster_id;
  response.controller_id = identity.id;
  response.brokers = {{identity.id, identity.host, identity.port, std::nullopt}};
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = authorized_operations(context, Resource::cluster());
  }
  return response;
}

}  // namespace ringmain::gateway
