// What clients of groups sent, as values: from captured.txt, with what it means written beside it.
#include "golden/kafka_golden.hpp"
#include "kafka/generated/messages.hpp"

namespace ringmain::kafka {
namespace {

TEST(GroupGolden, find_coordinator_2_of_librdkafka) {
  expect_request("00000018000a000200000003000772646b61666b6100046e6f6e6500", {2, 3, "rdkafka"},
                 FindCoordinatorRequest{.key = "none"});
}

TEST(GroupGolden, find_coordinator_4_of_platformatic) {
  expect_request(
      "0000002e000a000400000002000c706c6174666f726d6174696300000214706c6174666f726d617469632d736e"
      "6170707900",
      {4, 2, "platformatic"}, FindCoordinatorRequest{.coordinator_keys = {"platformatic-snappy"}});
}

TEST(GroupGolden, heartbeat_3_of_librdkafka) {
  expect_request(
      "00000048000c000300000007000772646b61666b6100016700000001002c72646b61666b612d65643062336637"
      "342d343265322d393231332d356133622d633065333863383036303131ffff",
      {3, 7, "rdkafka"},
      HeartbeatRequest{.group_id = "g",
                       .generation_id = 1,
                       .member_id = "rdkafka-ed0b3f74-42e2-9213-5a3b-c0e38c806011"});
}

TEST(GroupGolden, leave_group_1_of_librdkafka) {
  expect_request(
      "00000042000d00010000000c000772646b61666b61000167002c72646b61666b612d65643062336637342d3432"
      "65322d393231332d356133622d633065333863383036303131",
      {1, 12, "rdkafka"},
      LeaveGroupRequest{.group_id = "g",
                        .member_id = "rdkafka-ed0b3f74-42e2-9213-5a3b-c0e38c806011"});
}

TEST(GroupGolden, leave_group_4_of_platformatic) {
  expect_request(
      "00000061000d00040000006d000c706c6174666f726d617469630014706c6174666f726d617469632d736e6170"
      "70790232706c6174666f726d617469632d35363461643337312d326438332d306237642d636463362d39393738"
      "3464393766613565000000",
      {4, 109, "platformatic"},
      LeaveGroupRequest{
          .group_id = "platformatic-snappy",
          .members = {{"platformatic-564ad371-2d83-0b7d-cdc6-99784d97fa5e", std::nullopt}}});
}

TEST(GroupGolden, offset_commit_7_of_librdkafka) {
  expect_request(
      "0000009b000800070000000a000772646b61666b6100016700000001002c72646b61666b612d65643062336637"
      "342d343265322d393231332d356133622d633065333863383036303131ffff0000000100017400000004000000"
      "000000000000000005ffffffff0000000000010000000000000005ffffffff0000000000020000000000000005"
      "ffffffff0000000000030000000000000005ffffffff0000",
      {7, 10, "rdkafka"},
      OffsetCommitRequest{
          .group_id = "g",
          .generation_id = 1,
          .member_id = "rdkafka-ed0b3f74-42e2-9213-5a3b-c0e38c806011",
          .topics = {{"t",
                      {{.partition_index = 0, .committed_offset = 5, .committed_metadata = ""},
                       {.partition_index = 1, .committed_offset = 5, .committed_metadata = ""},
                       {.partition_index = 2, .committed_offset = 5, .committed_metadata = ""},
                       {.partition_index = 3, .committed_offset = 5, .committed_metadata = ""}}}}});
}

TEST(GroupGolden, offset_fetch_7_of_librdkafka) {
  expect_request(
      "0000002b0009000700000008000772646b61666b61000267020274050000000000000001000000020000000300"
      "0100",
      {7, 8, "rdkafka"},
      OffsetFetchRequest{.group_id = "g",
                         .topics = std::vector<OffsetFetchRequest::Topic>{{"t", {0, 1, 2, 3}}},
                         .require_stable = true});
}

TEST(GroupGolden, join_group_7_of_platformatic) {
  expect_request(
      "0000009d000b000700000005000c706c6174666f726d617469630014706c6174666f726d617469632d736e6170"
      "70790000271000018e7032706c6174666f726d617469632d35363461643337312d326438332d306237642d6364"
      "63362d3939373834643937666135650009636f6e73756d6572020b726f756e64726f62696e2000010000000100"
      "13706c6174666f726d617469632d736e61707079ffffffff0000",
      {7, 5, "platformatic"},
      JoinGroupRequest{
          .group_id = "platformatic-snappy",
          .session_timeout_ms = 10'000,
          .rebalance_timeout_ms = 102000,
          .member_id = "platformatic-564ad371-2d83-0b7d-cdc6-99784d97fa5e",
          .protocol_type = "consumer",
          .protocols = {
              {"roundrobin",
               from_hex("0001 00000001 0013 706c6174666f726d617469632d736e61707079 ffffffff")}}});
}

TEST(GroupGolden, sync_group_5_of_platformatic) {
  expect_request(
      "000000d3000e000500000006000c706c6174666f726d617469630014706c6174666f726d617469632d736e6170"
      "70790000000132706c6174666f726d617469632d35363461643337312d326438332d306237642d636463362d39"
      "39373834643937666135650009636f6e73756d65720b726f756e64726f62696e0232706c6174666f726d617469"
      "632d35363461643337312d326438332d306237642d636463362d39393738346439376661356528000000000001"
      "0013706c6174666f726d617469632d736e617070790000000100000000000000000000",
      {5, 6, "platformatic"},
      SyncGroupRequest{
          .group_id = "platformatic-snappy",
          .generation_id = 1,
          .member_id = "platformatic-564ad371-2d83-0b7d-cdc6-99784d97fa5e",
          .protocol_type = "consumer",
          .protocol_name = "roundrobin",
          .assignments = {
              {"platformatic-564ad371-2d83-0b7d-cdc6-99784d97fa5e",
               from_hex(
                   "0000 00000001 0013 706c6174666f726d617469632d736e61707079 00000001 00000000"
                   "00000000")}}});
}

}  // namespace
}  // namespace ringmain::kafka
