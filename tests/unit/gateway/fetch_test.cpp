// Fetch: batches as they lie, sessions refused, long polls answered later.
#include "kafka/generated/fetch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/gateway/asking.hpp"
#include "unit/gateway/batches.hpp"

namespace ringmain::gateway {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;

class FetchTest : public GatewayTest {
 protected:
  static FetchRequest request(int64_t offset = 0, int32_t partition = 0) {
    FetchRequest request;
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    FetchRequest::Partition wanted;
    wanted.partition = partition;
    wanted.fetch_offset = offset;
    wanted.partition_max_bytes = 1 << 20;
    request.topics = {{"trades", {wanted}}};
    return request;
  }
  void append(const std::vector<std::string>& values) {
    kafka::BatchHeader header;
    const kafka::Bytes batch = batch_of(values);
    records_.append({{"trades", 0, header, batch}}, {}, [](const auto&) {});
  }
  // The reply's bytes stay in `reply_`, and the response points into them.
  FetchResponse fetch(const FetchRequest& request, int16_t version = FetchRequest::max_version) {
    reply_ = handle(*remote_, message_of(request, version));
    return decoded<FetchResponse>(reply_, version);
  }
  FetchResponse::PartitionResponse fetch_one(const FetchRequest& request,
                                             int16_t version = FetchRequest::max_version) {
    return fetch(request, version).responses.at(0).partitions.at(0);
  }
  net::Reply reply_;
};

TEST_F(FetchTest, gives_batches_in_every_version) {
  append({"a", "b"});
  append({"c"});
  for (int16_t version = FetchRequest::min_version; version <= FetchRequest::max_version;
       ++version) {
    const auto part = fetch_one(request(), version);
    EXPECT_EQ(part.error_code, 0) << version;
    EXPECT_EQ(part.high_watermark, 3);
    EXPECT_EQ(part.last_stable_offset, 3);
    EXPECT_THAT(values_in(part.records->whole()), testing::ElementsAre("0:a", "1:b", "2:c"))
        << version;
  }
}

TEST_F(FetchTest, gives_no_records_rather_than_null_at_the_end_of_a_log) {
  append({"a"});
  const auto part = fetch_one(request(1));
  EXPECT_EQ(part.error_code, 0);
  ASSERT_TRUE(part.records);
  EXPECT_TRUE(part.records->empty());
}

TEST_F(FetchTest, passes_on_what_the_client_waits_for) {
  fetch(request());
  ASSERT_EQ(records_.fetches.size(), 1U);
  EXPECT_EQ(records_.fetches[0].max_wait_ms, 500);
  EXPECT_EQ(records_.fetches[0].min_bytes, 1);
  EXPECT_EQ(records_.fetches[0].max_bytes, 1 << 20);
}

TEST_F(FetchTest, answers_a_long_poll_later) {
  records_.answers = FakeRecords::Answers::later;
  reply_ = handle(*remote_, message_of(request(), 11));
  EXPECT_TRUE(reply_.bytes.empty());
  EXPECT_TRUE(remote_->is_deferred);
  append({"late"});
  records_.go_on();
  ASSERT_EQ(remote_->later_replies.size(), 1U);
  const auto response = decoded<FetchResponse>(remote_->later_replies[0], 11);
  EXPECT_THAT(values_in(response.responses.at(0).partitions.at(0).records->whole()),
              testing::ElementsAre("0:late"));
}

TEST_F(FetchTest, opens_no_session) {
  FetchRequest wants_one = request();
  wants_one.session_epoch = 0;
  EXPECT_EQ(fetch(wants_one).session_id, 0);
  FetchRequest has_one = request();
  has_one.session_id = 42;
  has_one.session_epoch = 1;
  const auto response = fetch(has_one);
  EXPECT_EQ(response.error_code, 70);
  EXPECT_EQ(response.session_id, 0);
  EXPECT_TRUE(response.responses.empty());
}

TEST_F(FetchTest, does_not_wait_when_something_is_wrong) {
  authorizer_.denied.insert({Operation::read, "trades"});
  EXPECT_EQ(fetch_one(request()).error_code, code(ErrorCode::topic_authorization_failed));
  ASSERT_EQ(records_.fetches.size(), 1U);
  EXPECT_EQ(records_.fetches[0].max_wait_ms, 0);
}

TEST_F(FetchTest, knows_one_leader_epoch) {
  FetchRequest later_epoch = request();
  later_epoch.topics[0].partitions[0].current_leader_epoch = 1;
  EXPECT_EQ(fetch_one(later_epoch).error_code, code(ErrorCode::unknown_leader_epoch));
  FetchRequest this_epoch = request();
  this_epoch.topics[0].partitions[0].current_leader_epoch = 0;
  EXPECT_EQ(fetch_one(this_epoch).error_code, 0);
}

TEST_F(FetchTest, tells_of_each_partition_by_itself) {
  append({"a"});
  FetchRequest two = request();
  two.topics[0].partitions.push_back(request(0, 9).topics[0].partitions[0]);
  const auto response = fetch(two);
  ASSERT_EQ(response.responses.at(0).partitions.size(), 2U);
  EXPECT_EQ(response.responses[0].partitions[0].error_code, 0);
  EXPECT_EQ(response.responses[0].partitions[1].error_code,
            code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(response.responses[0].partitions[1].partition_index, 9);
}

}  // namespace
}  // namespace ringmain::gateway
