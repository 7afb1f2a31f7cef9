// DescribeLogDirs: the bytes of each partition, in the one folder there is.
#include "kafka/generated/describe_log_dirs.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DescribeLogDirsRequest;
using kafka::DescribeLogDirsResponse;

class DescribeLogDirs : public GatewayTest {
 protected:
  DescribeLogDirs() {
    create("a", 2);
    create("b", 1);
  }
};

TEST_F(DescribeLogDirs, tells_of_all_topics_in_every_version) {
  for (int16_t version = DescribeLogDirsRequest::min_version; version <= DescribeLogDirsRequest::max_version; ++version) {
    const auto response = ask<DescribeLogDirsResponse>(DescribeLogDirsRequest{std::nullopt}, version);
    const auto& result = response.results.at(0);
    EXPECT_EQ(result.log_dir, "/bus/log");
    EXPECT_EQ(result.total_bytes, version >= 4 ? 5000 : -1);
    EXPECT_EQ(result.usable_bytes, version >= 4 ? 4000 : -1);
    ASSERT_EQ(result.topics.size(), 2u);
    EXPECT_EQ(result.topics[0].name, "a");
    ASSERT_EQ(result.topics[0].partitions.size(), 2u);
    EXPECT_EQ(result.topics[0].partitions[1].partition_index, 1);
    EXPECT_EQ(result.topics[0].partitions[1].partition_size, 1001);
  }
}

TEST_F(DescribeLogDirs, tells_only_of_what_was_asked_for_and_is_there) {
  DescribeLogDirsRequest request;
  request.topics = {{"a", {1, 2, -1}}, {"none", {0}}};
  const auto response = ask<DescribeLogDirsResponse>(request);
  ASSERT_EQ(response.results.at(0).topics.size(), 1u);
  ASSERT_EQ(response.results[0].topics[0].partitions.size(), 1u);
  EXPECT_EQ(response.results[0].topics[0].partitions[0].partition_size, 1001);
}

}  // namespace
}  // namespace ringmain::gateway
