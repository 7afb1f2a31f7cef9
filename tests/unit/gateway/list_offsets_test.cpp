// ListOffsets: ends of the log, and offsets by time.
#include "kafka/generated/list_offsets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/gateway/asking.hpp"
#include "unit/gateway/batches.hpp"

namespace ringmain::gateway {
namespace {

using kafka::ListOffsetsRequest;
using kafka::ListOffsetsResponse;

class ListOffsetsTest : public GatewayTest {
 protected:
  void SetUp() override {
    const kafka::Bytes batch = batch_of({"a", "b", "c"});
    records_.append({{"trades", 0, {}, batch}}, {}, [](const auto&) {});
  }
  static ListOffsetsRequest request(int64_t timestamp, int32_t partition = 0) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    ListOffsetsRequest::Partition wanted;
    wanted.partition_index = partition;
    wanted.timestamp = timestamp;
    request.topics = {{"trades", {wanted}}};
    return request;
  }
  ListOffsetsResponse::Partition answer_to(const ListOffsetsRequest& request, int16_t version = 7) {
    return ask<ListOffsetsResponse>(request, version).topics.at(0).partitions.at(0);
  }
};

TEST_F(ListOffsetsTest, tells_where_a_log_begins_and_ends) {
  for (int16_t version = 1; version <= ListOffsetsRequest::max_version; ++version) {
    EXPECT_EQ(answer_to(request(-1), version).offset, 3) << version;
    EXPECT_EQ(answer_to(request(-1), version).timestamp, -1) << version;
    EXPECT_EQ(answer_to(request(-2), version).offset, 0) << version;
  }
}

TEST_F(ListOffsetsTest, finds_offsets_by_time) {
  const auto found = answer_to(request(1001));
  EXPECT_EQ(found.offset, 1);
  EXPECT_EQ(found.timestamp, 1001);
  EXPECT_EQ(found.leader_epoch, 0);
  const auto missed = answer_to(request(5000));
  EXPECT_EQ(missed.error_code, 0);
  EXPECT_EQ(missed.offset, -1);
  EXPECT_EQ(missed.timestamp, -1);
}

TEST_F(ListOffsetsTest, finds_the_largest_time_from_version_7_on) {
  EXPECT_EQ(answer_to(request(-3), 7).offset, 2);
  EXPECT_EQ(answer_to(request(-3), 6).error_code, code(ErrorCode::invalid_request));
}

TEST_F(ListOffsetsTest, lists_the_newest_first_in_version_0) {
  ListOffsetsRequest two = request(-1);
  two.topics[0].partitions[0].max_num_offsets = 2;
  EXPECT_THAT(answer_to(two, 0).old_style_offsets, testing::ElementsAre(3, 0));
  EXPECT_THAT(answer_to(request(-1), 0).old_style_offsets, testing::ElementsAre(3));
  EXPECT_THAT(answer_to(request(-2), 0).old_style_offsets, testing::ElementsAre(0));
}

TEST_F(ListOffsetsTest, names_what_is_wrong) {
  EXPECT_EQ(answer_to(request(-1, 4)).error_code, code(ErrorCode::unknown_topic_or_partition));
  ListOffsetsRequest later_epoch = request(-1);
  later_epoch.topics[0].partitions[0].current_leader_epoch = 3;
  EXPECT_EQ(answer_to(later_epoch).error_code, code(ErrorCode::unknown_leader_epoch));
  authorizer_.denied.insert({Operation::describe, "trades"});
  EXPECT_EQ(answer_to(request(-1)).error_code, code(ErrorCode::topic_authorization_failed));
}

}  // namespace
}  // namespace ringmain::gateway
