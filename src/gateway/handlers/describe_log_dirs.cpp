// DescribeLogDirs: there is one folder of logs. Topics and partitions that are not there are left out, as Kafka does.
#include <algorithm>

#include "gateway/handlers/topics.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeLogDirsRequest;
using kafka::DescribeLogDirsResponse;

// Empty for a topic that is not there, or that the client may not see.
std::vector<int64_t> sizes_of(const std::string& name, const RequestContext& context) {
  if (!context.may(Operation::describe, Resource::topic(name))) return {};
  return context.services.topics.log_bytes(name);
}

DescribeLogDirsResponse::Topic answer_for(const std::string& name, const std::vector<int32_t>& partitions,
                                          const std::vector<int64_t>& sizes) {
  DescribeLogDirsResponse::Topic answer;
  answer.name = name;
  for (const int32_t partition : partitions) {
    if (partition < 0 || static_cast<size_t>(partition) >= sizes.size()) continue;
    answer.partitions.push_back({partition, sizes[static_cast<size_t>(partition)], 0, false});
  }
  return answer;
}

}  // namespace

DescribeLogDirsResponse describe_log_dirs(const DescribeLogDirsRequest& request, RequestContext& context) {
  DescribeLogDirsResponse response;
  auto& result = response.results.emplace_back();
  const LogDirectory directory = context.services.topics.log_directory();
  result.log_dir = directory.path;
  result.total_bytes = directory.total_bytes;
  result.usable_bytes = directory.usable_bytes;
  const auto add = [&](const std::string& name, const std::optional<std::vector<int32_t>>& wanted) {
    const std::vector<int64_t> sizes = sizes_of(name, context);
    if (sizes.empty()) return;
    std::vector<int32_t> all;
    for (size_t i = 0; i < sizes.size(); ++i) all.push_back(static_cast<int32_t>(i));
    result.topics.push_back(answer_for(name, wanted.value_or(all), sizes));
  };
  if (request.topics) {
    for (const auto& topic : *request.topics) add(topic.topic, topic.partitions);
  } else {
    for (const TopicInfo& topic : context.services.topics.topics()) add(topic.name, std::nullopt);
  }
  return response;
}

}  // namespace ringmain::gateway
