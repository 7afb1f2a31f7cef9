// The APIs that administer topics: their handlers' declarations.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/create_partitions.hpp"
#include "kafka/generated/create_topics.hpp"
#include "kafka/generated/delete_topics.hpp"
#include "kafka/generated/describe_configs.hpp"

namespace ringmain::gateway {

kafka::CreateTopicsResponse create_topics(const kafka::CreateTopicsRequest& request,
                                          RequestContext& context);
kafka::DeleteTopicsResponse delete_topics(const kafka::DeleteTopicsRequest& request,
                                          RequestContext& context);
kafka::CreatePartitionsResponse create_partitions(const kafka::CreatePartitionsRequest& request,
                                                  RequestContext& context);
kafka::DescribeConfigsResponse describe_configs(const kafka::DescribeConfigsRequest& request,
                                                RequestContext& context);

}  // namespace ringmain::gateway
