// Ringmain's own APIs as bytes. A client and a broker of different builds meet here:
// a change of these bytes needs a new version of the API.
#include "golden/kafka_golden.hpp"
#include "kafka/generated/messages.hpp"

namespace ringmain::kafka {
namespace {

constexpr Uuid kId{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
const RequestOptions kOptions{.api_version = 0, .correlation_id = 1, .client_id = "me"};

TEST(HelloGolden, request) {
  expect_request(
      "00000021 4e22 0000 00000001 0002 6d65 00  00000001 036d65 ffffffff 0000000000000009 00",
      kOptions, HelloRequest{.protocol_version = 1, .client_id = "me", .participant_nonce = 9});
}

TEST(HelloGolden, response) {
  expect_response(
      "00000037 00000001 00  0000 00 00000007 0000000000000009 000102030405060708090a0b0c0d0e0f"
      "00001234 06302e312e30 0000000000001000 00",
      kOptions,
      HelloResponse{.participant_id = 7,
                    .participant_nonce = 9,
                    .bus_id = kId,
                    .broker_pid = 0x1234,
                    .broker_version = "0.1.0",
                    .doorbells_bytes = 4096});
}

TEST(AttachGolden, request) {
  expect_request(
      "0000001e 4e20 0000 00000001 0002 6d65 00  076f7264657273 00000002 01 00000001 00", kOptions,
      AttachRequest{.topic = "orders", .partition = 2, .role = 1, .protocol_version = 1});
}

TEST(AttachGolden, response) {
  expect_response(
      "00000035 00000001 00  0000 00 000102030405060708090a0b0c0d0e0f 00000002 00000005 00000007"
      "0000000000100000 0000000000001000 00",
      kOptions,
      AttachResponse{.topic_id = kId,
                     .partition = 2,
                     .entry_index = 5,
                     .participant_id = 7,
                     .log_bytes = 1048576,
                     .readers_bytes = 4096});
}

TEST(DetachGolden, request) {
  expect_request(
      "00000027 4e21 0000 00000001 0002 6d65 00  000102030405060708090a0b0c0d0e0f 00000002 01 "
      "00000005 00",
      kOptions, DetachRequest{.topic_id = kId, .partition = 2, .role = 1, .entry_index = 5});
}

TEST(DetachGolden, response) {
  expect_response("0000000c 00000001 00  002a 04626164 00", kOptions,
                  DetachResponse{.error_code = 42, .error_message = "bad"});
}

TEST(LocksGolden, request) {
  expect_request("0000000f 4e23 0000 00000001 0002 6d65 00  00 00", kOptions, LocksRequest{});
}

TEST(LocksGolden, response) {
  expect_response("0000000c 00000001 00  0000 00 037b7d 00", kOptions, LocksResponse{.json = "{}"});
}

TEST(AwaitRebalanceGolden, request) {
  expect_request("0000001c 4e25 0000 00000001 0002 6d65 00  0267 00000007 026d 0269 00000bb8 00", kOptions,
                 AwaitRebalanceRequest{.group_id = "g",
                                       .generation_id = 7,
                                       .member_id = "m",
                                       .group_instance_id = "i",
                                       .max_wait_ms = 3000});
}

TEST(AwaitRebalanceGolden, response) {
  expect_response("00000009 00000001 00  001b 00 00", kOptions, AwaitRebalanceResponse{.error_code = 27});
}

}  // namespace
}  // namespace ringmain::kafka
