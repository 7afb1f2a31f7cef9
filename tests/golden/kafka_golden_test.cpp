// Kafka messages as bytes. "Captured" ones came from a socket, sent by kcat or by an admin
// client on librdkafka 2.0.2; a captured response is one that kcat read and understood.
// The others follow from the public description of the protocol.
#include "golden/kafka_golden.hpp"

#include "kafka/generated/messages.hpp"

namespace ringmain::kafka {
namespace {

TEST(ApiVersionsGolden, request_0_has_an_empty_body) {
  expect_request("0000000b 0012 0000 00000001 0001 63", {0, 1, "c"}, ApiVersionsRequest{});
}

TEST(ApiVersionsGolden, request_3_captured_from_kcat) {
  expect_request(
      "000000240012000300000001000772646b61666b61000b6c696272646b61666b6106322e302e3200",
      {3, 1, "rdkafka"},
      ApiVersionsRequest{.client_software_name = "librdkafka", .client_software_version = "2.0.2"});
}

TEST(ApiVersionsGolden, response_0) {
  expect_response("00000016 00000001 0000 00000002 0012 0000 0003 0003 0000 0009", {0, 1},
                  ApiVersionsResponse{.api_keys = {{18, 0, 3}, {3, 0, 9}}});
}

TEST(ApiVersionsGolden, response_0_to_a_version_that_is_unknown) {
  expect_response("00000010 00000001 0023 00000001 0012 0000 0003", {0, 1},
                  ApiVersionsResponse{.error_code = 35, .api_keys = {{18, 0, 3}}});
}

TEST(ApiVersionsGolden, response_3_has_a_header_without_tags) {
  expect_response("0000001a 00000001 0000 03 0012 0000 0003 00 0003 0000 0009 00 00000000 00",
                  {3, 1}, ApiVersionsResponse{.api_keys = {{18, 0, 3}, {3, 0, 9}}});
}

TEST(ApiVersionsGolden, response_3_with_tagged_fields) {
  expect_response(
      "00000020 00000001 0000 01 00000000"
      "02  00 08 02 0261 0000 0001 00  01 08 0000000000000007",
      {3, 1},
      ApiVersionsResponse{.supported_features = {{"a", 0, 1}}, .finalized_features_epoch = 7});
}

TEST(MetadataGolden, request_0_says_every_topic_with_an_empty_list) {
  expect_request("0000000f 0003 0000 00000002 0001 63 00000000", {0, 2, "c"},
                 MetadataRequest{.topics = std::vector<MetadataRequest::Topic>{}});

  const MetadataRequest every_topic;
  EXPECT_EQ(to_hex(request_frame(every_topic, {0, 2, "c"}).value()),
            "0000000f0003000000000002000163"
            "00000000");
}

TEST(MetadataGolden, request_1_captured_from_kcat) {
  expect_request("000000150003000100000003000772646b61666b61ffffffff", {1, 3, "rdkafka"},
                 MetadataRequest{});
}

TEST(MetadataGolden, request_4_captured_from_kcat) {
  expect_request("000000160003000400000003000772646b61666b61ffffffff01", {4, 3, "rdkafka"},
                 MetadataRequest{});
  expect_request("000000190003000400000002000772646b61666b610000000100017401", {4, 2, "rdkafka"},
                 MetadataRequest{.topics = {{{"t"}}}});
  expect_request("000000160003000400000002000772646b61666b610000000000", {4, 2, "rdkafka"},
                 MetadataRequest{.topics = std::vector<MetadataRequest::Topic>{},
                                 .allow_auto_topic_creation = false});
}

TEST(MetadataGolden, request_9) {
  expect_request("00000015 0003 0009 00000007 0002 6d65 00  02 0274 00 01 00 00 00", {9, 7, "me"},
                 MetadataRequest{.topics = {{{"t"}}}});
}

MetadataResponse one_broker_one_topic() {
  MetadataResponse response{.brokers = {{.node_id = 1, .host = "127.0.0.1", .port = 9092}},
                            .controller_id = 1};
  response.topics = {
      {.name = "t", .partitions = {{.leader_id = 1, .replica_nodes = {1}, .isr_nodes = {1}}}}};
  return response;
}

TEST(MetadataGolden, response_1_captured) {
  expect_response(
      "00000049 00000003 00000001 00000001 0009 3132372e302e302e31 00002384 ffff 00000001"
      "00000001 0000 0001 74 00 00000001 0000 00000000 00000001 00000001 00000001 00000001 "
      "00000001",
      {1, 3}, one_broker_one_topic());
}

TEST(MetadataGolden, response_4_captured) {
  MetadataResponse response = one_broker_one_topic();
  response.cluster_id = "bus";
  expect_response(
      "00000052 00000003 00000000 00000001 00000001 0009 3132372e302e302e31 00002384 ffff"
      "0003 627573 00000001"
      "00000001 0000 0001 74 00 00000001 0000 00000000 00000001 00000001 00000001 00000001 "
      "00000001",
      {4, 3}, response);
}

TEST(MetadataGolden, response_9) {
  MetadataResponse response = one_broker_one_topic();
  response.brokers[0].host = "h";
  response.cluster_id = "bus";
  response.topics[0].partitions[0].leader_epoch = 5;
  expect_response(
      "00000049 00000007 00 00000000 02 00000001 0268 00002384 00 00 04627573 00000001"
      "02 0000 0274 00 02 0000 00000000 00000001 00000005 02 00000001 02 00000001 01 00 80000000 00"
      "80000000 00",
      {9, 7}, response);
}

TEST(CreateTopicsGolden, request_4_captured_from_an_admin_client) {
  expect_request(
      "000000420013000400000003000561646d696e0000000100066f72646572730000000300010000000000000001"
      "000c726574656e74696f6e2e6d73000431303030000003e800",
      {4, 3, "admin"},
      CreateTopicsRequest{.topics = {{"orders", 3, 1, {}, {{"retention.ms", "1000"}}}},
                          .timeout_ms = 1000});
}

TEST(CreateTopicsGolden, response_4) {
  expect_response(
      "0000001f 00000003 00000000 00000001 0006 6f7264657273 0024 0007 69742069732e2e", {4, 3},
      CreateTopicsResponse{
          .topics = {{.name = "orders", .error_code = 36, .error_message = "it is.."}}});
}

TEST(CreateTopicsGolden, response_7_with_a_tagged_error) {
  const CreateTopicsResponse::Topic topic{
      .name = "t",
      .topic_id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}},
      .topic_config_error_code = 29,
      .num_partitions = 3,
      .replication_factor = 1};
  expect_response(
      "0000002c 00000003 00 00000000 02 0274 000102030405060708090a0b0c0d0e0f 0000 00 00000003 "
      "0001 00"
      "01 00 02 001d 00",
      {7, 3}, CreateTopicsResponse{.topics = {topic}});
}

TEST(DeleteTopicsGolden, request_1_captured_from_an_admin_client) {
  expect_request("0000001f0014000100000003000561646d696e0000000100066f72646572730000ea60",
                 {1, 3, "admin"},
                 DeleteTopicsRequest{.topic_names = {"orders"}, .timeout_ms = 60000});
}

TEST(DeleteTopicsGolden, response_1) {
  expect_response("00000016 00000003 00000000 00000001 0006 6f7264657273 0003", {1, 3},
                  DeleteTopicsResponse{.responses = {{.name = "orders", .error_code = 3}}});
}

TEST(CreatePartitionsGolden, request_0_captured_from_an_admin_client) {
  expect_request(
      "000000280025000000000003000561646d696e0000000100066f726465727300000006ffffffff0000ea6000",
      {0, 3, "admin"},
      CreatePartitionsRequest{.topics = {{"orders", 6, std::nullopt}}, .timeout_ms = 60000});
}

TEST(DescribeConfigsGolden, request_1_captured_from_an_admin_client) {
  expect_request(
      "000000210020000100000003000561646d696e000000010200066f7264657273ffffffff01", {1, 3, "admin"},
      DescribeConfigsRequest{.resources = {{2, "orders", std::nullopt}}, .include_synonyms = true});
}

TEST(ListOffsetsGolden, request_2_captured_from_kcat) {
  expect_request(
      "0000002d0002000200000003000772646b61666b61ffffffff01000000010001740000000100000000ffffffffff"
      "ffffff",
      {2, 3, "rdkafka"},
      ListOffsetsRequest{.replica_id = -1,
                         .isolation_level = 1,
                         .topics = {{"t", {{.partition_index = 0, .timestamp = -1}}}}});
}

TEST(AlterConfigsGolden, request_0) {
  expect_request("0000001e 0021 0000 00000005 0001 63 00000001 02 0001 74 00000001 0001 6b 0001 76 00", {0, 5, "c"},
                 AlterConfigsRequest{.resources = {{2, "t", {{"k", "v"}}}}});
}

TEST(AlterConfigsGolden, response_2) {
  expect_response("00000012 00000005 00 00000000 02 0000 00 02 0274 00 00", {2, 5},
                  AlterConfigsResponse{.responses = {{0, std::nullopt, 2, "t"}}});
}

TEST(IncrementalAlterConfigsGolden, request_1_sets_and_unsets) {
  expect_request(
      "0000001f 002c 0001 00000006 0001 63 00 02 02 0274 03 026b 00 0276 00 026a 01 00 00 00 01 00", {1, 6, "c"},
      IncrementalAlterConfigsRequest{.resources = {{2, "t", {{"k", 0, "v"}, {"j", 1, std::nullopt}}}},
                                     .validate_only = true});
}

TEST(IncrementalAlterConfigsGolden, response_0_of_a_value_that_is_not_allowed) {
  expect_response("00000016 00000006 00000000 00000001 0028 0002 6e6f 02 0001 74", {0, 6},
                  IncrementalAlterConfigsResponse{.responses = {{40, "no", 2, "t"}}});
}

TEST(DescribeClusterGolden, request_is_flexible_from_the_first_version_on) {
  expect_request("0000000e 003c 0000 00000007 0001 63 00 00 00", {0, 7, "c"}, DescribeClusterRequest{});
  expect_request("0000000f 003c 0001 00000007 0001 63 00 01 01 00", {1, 7, "c"},
                 DescribeClusterRequest{.include_cluster_authorized_operations = true});
}

TEST(DescribeClusterGolden, response_1) {
  expect_response(
      "00000025 00000007 00 00000000 0000 00 01 0263 00000001 02 00000001 0268 00002384 00 00 80000000 00", {1, 7},
      DescribeClusterResponse{.cluster_id = "c", .controller_id = 1, .brokers = {{1, "h", 9092, std::nullopt}}});
}

}  // namespace
}  // namespace ringmain::kafka
