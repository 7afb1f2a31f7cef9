// Produce: what is taken, what is refused with which code, and when the answer comes.
#include "kafka/generated/produce.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/generated/api_versions.hpp"
#include "unit/gateway/asking.hpp"
#include "unit/gateway/batches.hpp"

namespace ringmain::gateway {
namespace {

using kafka::ProduceRequest;
using kafka::ProduceResponse;

constexpr int16_t first_with_batches = 3;

class ProduceTest : public GatewayTest {
 protected:
  static ProduceRequest request(const kafka::Bytes& batch, int16_t acks = -1) {
    ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 1500;
    request.topic_data = {{"trades", {{0, kafka::Records(batch)}}}};
    return request;
  }
  ProduceResponse::PartitionResponse answer_to(const ProduceRequest& request,
                                               int16_t version = ProduceRequest::max_version) {
    const auto response = ask<ProduceResponse>(request, version);
    EXPECT_EQ(response.responses.size(), 1U);
    return response.responses.at(0).partition_responses.at(0);
  }
  int16_t code_for(const kafka::Bytes& batch, int16_t version = ProduceRequest::max_version) {
    return answer_to(request(batch), version).error_code;
  }
};

TEST_F(ProduceTest, appends_a_batch_in_every_version_that_carries_them) {
  const kafka::Bytes batch = batch_of({"a", "b"});
  int64_t expected = 0;
  for (int16_t version = first_with_batches; version <= ProduceRequest::max_version; ++version) {
    const auto answer = answer_to(request(batch), version);
    EXPECT_EQ(answer.error_code, 0) << version;
    EXPECT_EQ(answer.base_offset, expected) << version;
    expected += 2;
  }
  EXPECT_EQ(records_.appends.back().acks, Acks::all);
  EXPECT_EQ(records_.appends.back().timeout_ms, 1500);
  EXPECT_THAT(values_in(records_.logs["trades"][1]), testing::ElementsAre("2:a", "3:b"));
}

TEST_F(ProduceTest, names_message_formats_0_and_1_as_what_they_are) {
  for (int16_t version = 0; version < first_with_batches; ++version)
    EXPECT_EQ(code_for(batch_of({"a"}), version), 43) << version;
  kafka::Bytes old = batch_of({"a"});
  old[kafka::batch_magic_at] = std::byte{1};
  EXPECT_EQ(code_for(old), 43);
  EXPECT_TRUE(records_.appends.empty());
}

TEST_F(ProduceTest, refuses_what_is_no_sound_batch) {
  kafka::Bytes flipped = batch_of({"a"});
  flipped.back() ^= std::byte{1};
  EXPECT_EQ(code_for(flipped), code(ErrorCode::corrupt_message));
  const kafka::Bytes whole = batch_of({"a"});
  EXPECT_EQ(code_for({whole.begin(), whole.end() - 1}), code(ErrorCode::corrupt_message));
  EXPECT_EQ(code_for({}), code(ErrorCode::invalid_record));
  kafka::Bytes two = whole;
  two.insert(two.end(), whole.begin(), whole.end());
  EXPECT_EQ(code_for(two), code(ErrorCode::invalid_record));
  kafka::Bytes miscounted = batch_of({"a", "b"});
  put(miscounted, kafka::batch_record_count_at, 1, 4);
  EXPECT_EQ(code_for(miscounted), code(ErrorCode::invalid_record));
  kafka::Bytes control = whole;
  put(control, kafka::batch_attributes_at, 32, 2);
  EXPECT_EQ(code_for(control), code(ErrorCode::invalid_record));
  kafka::Bytes transactional = whole;
  put(transactional, kafka::batch_attributes_at, 16, 2);
  EXPECT_EQ(code_for(transactional), code(ErrorCode::invalid_record));
  kafka::Bytes scrambled = batch_of({"abcdefgh"});
  put(scrambled, kafka::batch_header_bytes, 0x7f, 1);  // a record longer than the batch
  EXPECT_EQ(code_for(scrambled), code(ErrorCode::corrupt_message));
  EXPECT_TRUE(records_.appends.empty());
}

TEST_F(ProduceTest, takes_zstd_from_version_7_on) {
  kafka::Bytes batch = batch_of({"a"});
  put(batch, kafka::batch_attributes_at, 4, 2);
  EXPECT_EQ(code_for(batch, 6), code(ErrorCode::unsupported_compression_type));
  EXPECT_EQ(code_for(batch, 7), 0);
}

TEST_F(ProduceTest, answers_for_each_partition_by_itself) {
  const kafka::Bytes good = batch_of({"a"});
  kafka::Bytes bad = good;
  bad.back() ^= std::byte{1};
  ProduceRequest several = request(good);
  several.topic_data = {
      {"trades", {{0, kafka::Records(bad)}, {0, kafka::Records(good)}, {7, kafka::Records(good)}}},
      {"quotes", {{0, kafka::Records(good)}}}};
  const auto response = ask<ProduceResponse>(several);
  ASSERT_EQ(response.responses.size(), 2U);
  const auto& trades = response.responses[0].partition_responses;
  ASSERT_EQ(trades.size(), 3U);
  EXPECT_EQ(trades[0].error_code, code(ErrorCode::corrupt_message));
  EXPECT_EQ(trades[0].base_offset, -1);
  EXPECT_TRUE(trades[0].error_message);
  EXPECT_EQ(trades[1].error_code, 0);
  EXPECT_EQ(trades[2].error_code, code(ErrorCode::unknown_topic_or_partition));
  EXPECT_EQ(response.responses[1].partition_responses[0].error_code, 0);
}

TEST_F(ProduceTest, refuses_acks_that_nobody_knows_and_transactions) {
  const kafka::Bytes batch = batch_of({"a"});
  EXPECT_EQ(answer_to(request(batch, 2)).error_code, code(ErrorCode::invalid_required_acks));
  ProduceRequest transactional = request(batch);
  transactional.transactional_id = "tx";
  EXPECT_EQ(answer_to(transactional).error_code, code(ErrorCode::invalid_request));
}

TEST_F(ProduceTest, refuses_who_may_not_write) {
  authorizer_.denied.insert({Operation::write, "trades"});
  EXPECT_EQ(code_for(batch_of({"a"})), code(ErrorCode::topic_authorization_failed));
}

TEST_F(ProduceTest, refuses_what_the_broker_alone_writes) {
  const kafka::Bytes batch = batch_of({"a"});
  ProduceRequest offsets = request(batch);
  offsets.topic_data[0].name = "__consumer_offsets";
  EXPECT_EQ(answer_to(offsets).error_code, code(ErrorCode::invalid_topic));
  EXPECT_TRUE(records_.appends.empty());
}

TEST_F(ProduceTest, is_silent_with_acks_0) {
  const kafka::Bytes batch = batch_of({"a"});
  const net::Reply reply = gateway_.handle(*remote_, message_of(request(batch, 0), 7));
  EXPECT_TRUE(reply.bytes.empty());
  EXPECT_FALSE(reply.close);
  EXPECT_EQ(records_.logs["trades"].size(), 1U);
}

TEST_F(ProduceTest, closes_the_connection_where_acks_0_cannot_be_told_of_an_error) {
  records_.error = Error{ErrorCode::kafka_storage_error, "the disk is gone"};
  const kafka::Bytes batch = batch_of({"a"});
  const net::Reply reply = gateway_.handle(*remote_, message_of(request(batch, 0), 7));
  EXPECT_TRUE(reply.bytes.empty());
  EXPECT_TRUE(reply.close);
}

TEST_F(ProduceTest, answers_later_what_is_not_acknowledged_yet) {
  records_.answers = FakeRecords::Answers::later;
  const kafka::Bytes batch = batch_of({"a"});
  const net::Reply reply = gateway_.handle(*remote_, message_of(request(batch), 7));
  EXPECT_TRUE(reply.bytes.empty());
  EXPECT_TRUE(remote_->is_deferred);
  records_.go_on();
  ASSERT_EQ(remote_->later_replies.size(), 1U);
  const auto response = decoded<ProduceResponse>(remote_->later_replies[0], 7);
  EXPECT_EQ(response.responses.at(0).partition_responses.at(0).error_code, 0);
}

TEST_F(ProduceTest, forgets_what_is_parked_for_a_connection_that_ends) {
  gateway_.closed(*remote_);
  EXPECT_THAT(records_.closed_connections, testing::ElementsAre(remote_->id().value()));
}

TEST_F(ProduceTest, refuses_more_partitions_than_any_client_has) {
  ProduceRequest flood;
  flood.topic_data.resize(100'001);
  const net::Reply reply = gateway_.handle(*remote_, message_of(flood, 7));
  EXPECT_TRUE(reply.close);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_THAT(log_[0], testing::HasSubstr("too many"));
}

// Clients look for overlap with version 0 before they compress (KAFKA-18659).
TEST_F(ProduceTest, is_advertised_from_version_0_on) {
  const auto response = ask<kafka::ApiVersionsResponse>(kafka::ApiVersionsRequest{});
  const auto find = [&](int16_t key) {
    return *std::ranges::find(response.api_keys, key,
                              &kafka::ApiVersionsResponse::ApiRange::api_key);
  };
  EXPECT_EQ(find(0).min_version, 0);
  EXPECT_EQ(find(0).max_version, 9);
  EXPECT_EQ(find(1).min_version, 4);
  EXPECT_EQ(find(1).max_version, 12);
  EXPECT_EQ(find(2).min_version, 0);
  EXPECT_EQ(find(2).max_version, 7);
}

}  // namespace
}  // namespace ringmain::gateway
