// The APIs that administer topics: their handlers' declarations.
#pragma once

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/alter_configs.hpp"
#include "kafka/generated/create_partitions.hpp"
#include "kafka/generated/create_topics.hpp"
#include "kafka/generated/delete_records.hpp"
#include "kafka/generated/delete_topics.hpp"
#include "kafka/generated/describe_configs.hpp"
#include "kafka/generated/describe_log_dirs.hpp"
#include "kafka/generated/incremental_alter_configs.hpp"

namespace ringmain::gateway {

kafka::CreateTopicsResponse create_topics(const kafka::CreateTopicsRequest& request,
                                          RequestContext& context);
kafka::DeleteTopicsResponse delete_topics(const kafka::DeleteTopicsRequest& request,
                                          RequestContext& context);
kafka::DeleteRecordsResponse delete_records(const kafka::DeleteRecordsRequest& request,
                                            RequestContext& context);
kafka::DescribeLogDirsResponse describe_log_dirs(const kafka::DescribeLogDirsRequest& request,
                                                 RequestContext& context);
kafka::CreatePartitionsResponse create_partitions(const kafka::CreatePartitionsRequest& request,
                                                  RequestContext& context);
kafka::DescribeConfigsResponse describe_configs(const kafka::DescribeConfigsRequest& request,
                                                RequestContext& context);
kafka::AlterConfigsResponse alter_configs(const kafka::AlterConfigsRequest& request,
                                          RequestContext& context);
kafka::IncrementalAlterConfigsResponse incremental_alter_configs(
    const kafka::IncrementalAlterConfigsRequest& request, RequestContext& context);

}  // namespace ringmain::gateway
