// DeleteRecords: each partition by itself. The fake partitions hold offsets 5 to 10.
#include "kafka/generated/delete_records.hpp"

#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::DeleteRecordsRequest;
using kafka::DeleteRecordsResponse;

class DeleteRecords : public GatewayTest {
 protected:
  DeleteRecords() { create("a", 2); }

  DeleteRecordsResponse::Partition trim(const std::string& topic, int32_t partition, int64_t offset,
                                        int16_t version = DeleteRecordsRequest::max_version) {
    DeleteRecordsRequest request;
    request.topics = {{topic, {{partition, offset}}}};
    return ask<DeleteRecordsResponse>(request, version).topics.at(0).partitions.at(0);
  }
};

TEST_F(DeleteRecords, says_where_the_partition_starts_now_in_every_version) {
  for (int16_t version = 0; version <= DeleteRecordsRequest::max_version; ++version) {
    const auto answer = trim("a", 1, 7, version);
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.partition_index, 1);
    EXPECT_EQ(answer.low_watermark, 7);
  }
}

TEST_F(DeleteRecords, minus_one_is_the_end_and_what_is_gone_stays_gone) {
  EXPECT_EQ(trim("a", 0, -1).low_watermark, 10);
  EXPECT_EQ(trim("a", 0, 2).low_watermark, 5);
}

TEST_F(DeleteRecords, refuses_what_makes_no_sense) {
  for (const int64_t offset : {int64_t{11}, int64_t{-2}, INT64_MAX, INT64_MIN}) {
    const auto answer = trim("a", 0, offset);
    EXPECT_EQ(answer.error_code, code(ErrorCode::offset_out_of_range)) << offset;
    EXPECT_EQ(answer.low_watermark, -1);
  }
  for (const int32_t partition : {2, -1})
    EXPECT_EQ(trim("a", partition, 7).error_code, code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(trim("b", 0, 7).error_code, code(ErrorCode::unknown_topic_or_partition));
}

TEST_F(DeleteRecords, one_failure_does_not_keep_the_others) {
  DeleteRecordsRequest request;
  request.topics = {{"b", {{0, 7}}}, {"a", {{0, 99}, {1, 8}}}};
  const auto response = ask<DeleteRecordsResponse>(request);
  EXPECT_EQ(response.topics.at(0).partitions.at(0).low_watermark, -1);
  EXPECT_EQ(response.topics.at(1).partitions.at(0).low_watermark, -1);
  EXPECT_EQ(response.topics.at(1).partitions.at(1).low_watermark, 8);
}

}  // namespace
}  // namespace ringmain::gateway
