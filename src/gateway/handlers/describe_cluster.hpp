// DescribeCluster: the handler's declaration. Loop thread only.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/describe_cluster.hpp"

namespace ringmain::gateway {

kafka::DescribeClusterResponse describe_cluster(const kafka::DescribeClusterRequest& request,
                                                RequestContext& context);

}  // namespace ringmain::gateway
