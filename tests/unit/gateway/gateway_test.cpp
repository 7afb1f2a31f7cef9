// Gateway: dispatch, versions, and bytes that are no request.
#include "gateway/gateway.hpp"

#include "gateway/handlers/handler.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/metadata.hpp"
#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using kafka::ApiVersionsRequest;
using kafka::ApiVersionsResponse;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int16_t> keys_of(const ApiVersionsResponse& response) {
  std::vector<int16_t> keys;
  for (const auto& range : response.api_keys) keys.push_back(range.api_key);
  return keys;
}

TEST_F(GatewayTest, advertises_exactly_what_it_serves_in_every_version) {
  for (int16_t version = 0; version <= ApiVersionsRequest::max_version; ++version) {
    const auto response = ask<ApiVersionsResponse>(ApiVersionsRequest{"test", "1"}, version);
    EXPECT_EQ(response.error_code, 0);
    for (const auto& range : response.api_keys) {
      const kafka::Api* api = kafka::find_api(range.api_key);
      ASSERT_NE(api, nullptr);
      EXPECT_EQ(range.min_version, api->min_version);
      EXPECT_EQ(range.max_version, api->max_version);
    }
  }
}

TEST_F(GatewayTest, tells_only_local_clients_of_the_private_apis) {
  EXPECT_THAT(keys_of(ask<ApiVersionsResponse>(ApiVersionsRequest{})),
              ElementsAre(0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 32, 33, 35, 37, 42, 44, 47, 60));
  EXPECT_THAT(keys_of(ask_locally<ApiVersionsResponse>(ApiVersionsRequest{})),
              ElementsAre(0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 32, 33, 35, 37, 42, 44, 47, 60, 20000, 20001,
                          20002, 20003, 20004, 20005));
}

TEST_F(GatewayTest, answers_an_unknown_version_of_api_versions_with_the_ranges_in_version_0) {
  for (const int16_t version : {int16_t{4}, int16_t{32767}, int16_t{-1}}) {
    kafka::Writer writer;
    kafka::RequestHeader{ApiVersionsRequest::api_key, version, 42, "new client"}.encode(writer);
    const auto reply = gateway_.handle(*remote_, writer.written());
    const auto response = decoded<ApiVersionsResponse>(reply, 0);
    EXPECT_EQ(response.error_code, code(ErrorCode::unsupported_version));
    EXPECT_THAT(keys_of(response), ElementsAre(0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 32, 33, 35, 37, 42, 44, 47, 60));
  }
}

TEST_F(GatewayTest, closes_on_other_unknown_versions_and_says_who_asked_what) {
  kafka::Writer writer;
  kafka::RequestHeader{kafka::MetadataRequest::api_key, 12, 42, "evil\nclient"}.encode(writer);
  const auto reply = gateway_.handle(*remote_, writer.written());
  EXPECT_TRUE(reply.close);
  EXPECT_TRUE(reply.bytes.empty());
  EXPECT_THAT(log_, ElementsAre(AllOf(HasSubstr("the client: "), HasSubstr("Metadata version 12"),
                                      HasSubstr("'evil?client'"), HasSubstr("versions 0 to 9"))));
}

TEST_F(GatewayTest, closes_on_an_api_that_is_not_served) {
  kafka::Writer writer;
  kafka::RequestHeader{999, 0, 42, "x"}.encode(writer);
  EXPECT_TRUE(gateway_.handle(*remote_, writer.written()).close);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("API key 999")));
}

TEST_F(GatewayTest, closes_on_a_body_that_does_not_decode_and_names_the_field) {
  kafka::MetadataRequest request;
  request.topics = std::vector<kafka::MetadataRequest::Topic>{{"a-topic"}};
  auto message = message_of(request, 1);
  message.pop_back();
  EXPECT_TRUE(gateway_.handle(*remote_, message).close);
  EXPECT_THAT(log_, ElementsAre(AllOf(HasSubstr("the client"), HasSubstr("Metadata version 1"),
                                      HasSubstr("Metadata.request.topics.name"))));
}

TEST_F(GatewayTest, closes_on_a_header_that_is_cut_short) {
  const auto message = message_of(kafka::MetadataRequest{}, 9);
  for (size_t size = 0; size < 8; ++size) {
    EXPECT_TRUE(gateway_.handle(*remote_, std::span(message).first(size)).close) << size;
  }
}

TEST_F(GatewayTest, closes_on_an_administrative_request_of_many_megabytes) {
  kafka::MetadataRequest request;
  request.topics =
      std::vector<kafka::MetadataRequest::Topic>{{std::string(administration_max_bytes, 'x')}};
  EXPECT_TRUE(gateway_.handle(*remote_, message_of(request, 9)).close);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("this API takes 4194304")));
}

TEST_F(GatewayTest, survives_a_broker_that_throws) {
  class Throwing final : public BrokerView {
    BrokerIdentity identity(const net::Connection&) const override { throw std::bad_alloc(); }
  } throwing;
  Gateway gateway({topics_, records_, throwing, attach_, authorizer_}, {},
                  [this](net::LogLevel, std::string_view line) { log_.emplace_back(line); });
  EXPECT_TRUE(gateway.handle(*remote_, message_of(kafka::MetadataRequest{}, 1)).close);
  EXPECT_EQ(log_.size(), 1u);
}

TEST_F(GatewayTest, passes_the_end_of_a_connection_on) {
  gateway_.closed(*local_);
  EXPECT_EQ(attach_.closed_connections, 1);
}

}  // namespace
}  // namespace ringmain::gateway
