// Asks a gateway with a fake broker behind it, as a client would: bytes in, bytes out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/frame.hpp"
#include "unit/gateway/fakes.hpp"

namespace ringmain::gateway {

constexpr int16_t code(ErrorCode error) {
  return static_cast<int16_t>(error);
}

class GatewayTest : public testing::Test {
 protected:
  // A request as net hands it over: without its length.
  template <class Request>
  static kafka::Bytes message_of(const Request& request, int16_t version) {
    auto frame = kafka::request_frame(request, {version, 42, "the test"});
    EXPECT_TRUE(frame) << frame.error().message;
    return {frame->begin() + kafka::kFrameSizeBytes, frame->end()};
  }

  // What the bytes of a reply say, in the version that was asked.
  template <class Response>
  static Response decoded(const net::Reply& reply, int16_t version) {
    EXPECT_FALSE(reply.close);
    EXPECT_GE(reply.bytes.size(), kafka::kFrameSizeBytes);
    if (reply.bytes.size() < kafka::kFrameSizeBytes) return {};
    auto response = kafka::decode_response<Response>(
        std::span(reply.bytes).subspan(kafka::kFrameSizeBytes), {version, 42, "the test"});
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : Response{};
  }

  template <class Response, class Request>
  Response ask(const Request& request, int16_t version = Request::max_version) {
    return ask_over<Response>(remote_, request, version);
  }
  template <class Response, class Request>
  Response ask_locally(const Request& request) {
    return ask_over<Response>(local_, request, Request::max_version);
  }
  template <class Response, class Request>
  Response ask_over(const std::shared_ptr<FakeConnection>& connection, const Request& request,
                    int16_t version) {
    return decoded<Response>(handle(*connection, message_of(request, version)), version);
  }

  // What the client gets before the broker does anything else; nothing, if it is to wait.
  net::Reply handle(FakeConnection& connection, const kafka::Bytes& message) {
    const size_t before = connection.later_replies.size();
    net::Reply reply = gateway_.handle(connection, message);
    if (connection.later_replies.size() == before) return reply;
    EXPECT_TRUE(reply.bytes.empty() && !reply.close);
    reply = std::move(connection.later_replies.back());
    connection.later_replies.pop_back();
    return reply;
  }

  void create(const std::string& name, int32_t partitions = 1,
              std::map<std::string, std::string> overrides = {}) {
    NewTopic topic{name, partitions, -1, std::move(overrides)};
    ASSERT_TRUE(topics_.create(topic, Commit::apply));
  }
  bool exists(const std::string& name) const { return topics_.find(name).has_value(); }

  FakeTopics topics_;
  FakeRecords records_;
  FakeBroker broker_;
  FakeAttach attach_;
  FakeAuthorizer authorizer_;
  std::vector<std::string> log_;
  GatewayOptions options_;
  Gateway gateway_{{topics_, records_, broker_, attach_, authorizer_},
                   options_,
                   [this](net::LogLevel, std::string_view line) { log_.emplace_back(line); }};
  std::shared_ptr<FakeConnection> remote_ =
      std::make_shared<FakeConnection>(net::Transport::tcp, 1);
  std::shared_ptr<FakeConnection> local_ =
      std::make_shared<FakeConnection>(net::Transport::unix_socket);
};

}  // namespace ringmain::gateway
