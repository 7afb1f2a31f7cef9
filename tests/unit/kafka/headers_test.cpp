// Which header goes with which API version, and frames.
#include "kafka/headers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/frame.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/metadata.hpp"
#include "unit/kafka/hex.hpp"

namespace ringmain::kafka {
namespace {

constexpr int16_t kMetadata = MetadataRequest::api_key;
constexpr int16_t kApiVersions = ApiVersionsRequest::api_key;

TEST(Headers, carry_tags_from_the_first_flexible_version_on) {
  EXPECT_EQ(request_header_version(kMetadata, 8), 1);
  EXPECT_EQ(request_header_version(kMetadata, 9), 2);
  EXPECT_EQ(response_header_version(kMetadata, 8), 0);
  EXPECT_EQ(response_header_version(kMetadata, 9), 1);
}

TEST(Headers, answer_api_versions_without_tags_in_every_version) {
  EXPECT_EQ(request_header_version(kApiVersions, 3), 2);
  EXPECT_EQ(response_header_version(kApiVersions, 0), 0);
  EXPECT_EQ(response_header_version(kApiVersions, 3), 0);
}

TEST(Headers, are_readable_for_versions_and_apis_that_nobody_knows_yet) {
  EXPECT_EQ(request_header_version(kApiVersions, 99), 2);
  EXPECT_EQ(request_header_version(12345, 3), 1);
  EXPECT_EQ(response_header_version(12345, 3), 0);
}

TEST(Headers, have_no_client_id_in_the_first_controlled_shutdown) {
  EXPECT_EQ(request_header_version(7, 0), 0);
  EXPECT_EQ(request_header_version(7, 1), 1);
}

TEST(Headers, keep_the_int16_client_id_when_flexible) {
  Writer writer;
  RequestHeader{kMetadata, 9, 5, "me"}.encode(writer);
  EXPECT_EQ(to_hex(writer.written()),
            "0003"
            "0009"
            "00000005"
            "00026d65"
            "00");
}

TEST(Headers, come_back_as_they_were_sent) {
  for (const RequestHeader& header :
       {RequestHeader{kMetadata, 9, 5, "me"}, RequestHeader{kMetadata, 1, -5, std::nullopt},
        RequestHeader{7, 0, 1, std::nullopt}}) {
    Writer writer;
    header.encode(writer);
    Reader reader(writer.written());
    EXPECT_EQ(RequestHeader::decode(reader).value(), header);
    EXPECT_EQ(reader.remaining_bytes(), 0U);
    for (size_t size = 0; size < writer.written().size(); ++size) {
      Reader cut(writer.written().first(size));
      EXPECT_FALSE(RequestHeader::decode(cut)) << size;
    }
  }
}

TEST(Frames, carry_a_request_and_its_response) {
  const RequestOptions options{.api_version = 9, .correlation_id = 7, .client_id = "me"};
  const MetadataRequest request{.topics = {{{"orders"}}}};
  const Bytes sent = request_frame(request, options).value();

  Reader reader(std::span<const std::byte>(sent).subspan(kFrameSizeBytes));
  const RequestHeader header = RequestHeader::decode(reader).value();
  EXPECT_EQ(header, (RequestHeader{kMetadata, 9, 7, "me"}));
  EXPECT_EQ(MetadataRequest::decode(reader, header.api_version).value(), request);

  const MetadataResponse response{.cluster_id = "bus", .controller_id = 1};
  const Bytes answered = response_frame(response, header).value();
  const auto message = std::span<const std::byte>(answered).subspan(kFrameSizeBytes);
  EXPECT_EQ(decode_response<MetadataResponse>(message, options).value(), response);

  const RequestOptions another{.api_version = 9, .correlation_id = 8};
  EXPECT_THAT(decode_response<MetadataResponse>(message, another).error().message,
              testing::HasSubstr("the answer to request 7, not to 8"));
}

TEST(Frames, are_limited) {
  const auto size_of = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex);
    return frame_size_bytes(
        std::span<const std::byte, kFrameSizeBytes>(bytes.data(), kFrameSizeBytes), 100);
  };
  EXPECT_EQ(size_of("00000064").value(), 100U);
  EXPECT_FALSE(size_of("00000065"));
  EXPECT_FALSE(size_of("ffffffff"));
  EXPECT_FALSE(size_of("47455420")) << "GET, from a browser";
}

}  // namespace
}  // namespace ringmain::kafka
