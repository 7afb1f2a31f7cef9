// The private APIs: for local clients, with descriptors, and for nobody else.
#include "unit/gateway/asking.hpp"

namespace ringmain::gateway {
namespace {

using namespace kafka;
using testing::ElementsAre;
using testing::HasSubstr;

class LocalApis : public GatewayTest {
 protected:
  static AttachRequest attaching(int8_t role) {
    AttachRequest request;
    request.topic = "a";
    request.partition = 3;
    request.role = role;
    return request;
  }
  static LogFileRequest reading_file() {
    LogFileRequest request;
    request.topic = "a";
    request.partition = 3;
    request.offset = 250;
    return request;
  }
};

TEST_F(LocalApis, reach_the_service_and_bring_descriptors_back) {
  attach_.lent_fds = {10, 11};
  const auto greeted = gateway_.handle(*local_, message_of(HelloRequest{1, "test"}, 0));
  EXPECT_THAT(greeted.fds, ElementsAre(10, 11));
  EXPECT_EQ(decoded<HelloResponse>(greeted, 0).participant_id, 5);

  const auto attached = gateway_.handle(*local_, message_of(attaching(1), 0));
  EXPECT_THAT(attached.fds, ElementsAre(10, 11));
  EXPECT_EQ(decoded<AttachResponse>(attached, 0).partition, 3);

  const auto file = gateway_.handle(*local_, message_of(reading_file(), 0));
  EXPECT_THAT(file.fds, ElementsAre(10, 11));
  EXPECT_EQ(decoded<LogFileResponse>(file, 0).base_offset, 200);
  EXPECT_EQ(decoded<LogFileResponse>(file, 0).end_offset, 300);

  EXPECT_EQ(ask_locally<DetachResponse>(DetachRequest{}).error_code, 0);
  EXPECT_EQ(ask_locally<LocksResponse>(LocksRequest{}).json, "{}");
}

TEST_F(LocalApis, are_refused_over_tcp_without_descriptors) {
  attach_.lent_fds = {10};
  const auto refused = [&]<class Response>(const auto& request, const Response&) {
    const auto reply = gateway_.handle(*remote_, message_of(request, 0));
    EXPECT_TRUE(reply.fds.empty());
    const auto response = decoded<Response>(reply, 0);
    EXPECT_EQ(response.error_code, code(ErrorCode::cluster_authorization_failed));
    EXPECT_THAT(*response.error_message, HasSubstr("Unix socket"));
  };
  refused(HelloRequest{}, HelloResponse{});
  refused(attaching(0), AttachResponse{});
  refused(DetachRequest{}, DetachResponse{});
  refused(LocksRequest{}, LocksResponse{});
  refused(reading_file(), LogFileResponse{});
}

TEST_F(LocalApis, attach_nobody_who_may_not_read_or_write_there) {
  attach_.lent_fds = {10};
  authorizer_.denied = {{Operation::write, "a"}};
  EXPECT_EQ(ask_locally<AttachResponse>(attaching(0)).error_code, 0);
  for (const int8_t producing : {int8_t{1}, int8_t{2}}) {
    const auto reply = gateway_.handle(*local_, message_of(attaching(producing), 0));
    EXPECT_TRUE(reply.fds.empty());
    EXPECT_EQ(decoded<AttachResponse>(reply, 0).error_code,
              code(ErrorCode::topic_authorization_failed));
  }
}

TEST_F(LocalApis, attach_nobody_to_write_what_the_broker_alone_writes) {
  attach_.lent_fds = {10};
  for (const int8_t role : {int8_t{0}, int8_t{1}, int8_t{2}, int8_t{3}}) {
    AttachRequest request = attaching(role);
    request.topic = "__consumer_offsets";
    const bool is_writing = role == 1 || role == 2;
    EXPECT_EQ(ask_locally<AttachResponse>(request).error_code, is_writing ? code(ErrorCode::invalid_topic) : 0);
  }
}

TEST_F(LocalApis, attach_nobody_in_a_role_that_there_is_not) {
  for (const int8_t role : {int8_t{4}, int8_t{-1}, int8_t{127}}) {
    EXPECT_EQ(ask_locally<AttachResponse>(attaching(role)).error_code,
              code(ErrorCode::invalid_request));
  }
  AttachRequest nameless = attaching(0);
  nameless.topic = "..";
  EXPECT_EQ(ask_locally<AttachResponse>(nameless).error_code, code(ErrorCode::invalid_topic));
}

TEST_F(LocalApis, show_a_log_file_only_to_whoever_may_read_the_topic) {
  attach_.lent_fds = {10};
  authorizer_.denied = {{Operation::read, "a"}};
  const auto reply = gateway_.handle(*local_, message_of(reading_file(), 0));
  EXPECT_TRUE(reply.fds.empty());
  EXPECT_EQ(decoded<LogFileResponse>(reply, 0).error_code,
            code(ErrorCode::topic_authorization_failed));
  authorizer_.denied = {{Operation::write, "a"}};
  EXPECT_EQ(ask_locally<LogFileResponse>(reading_file()).error_code, 0);
}

TEST_F(LocalApis, find_no_log_file_at_places_that_there_are_not) {
  LogFileRequest request = reading_file();
  request.offset = -1;
  EXPECT_EQ(ask_locally<LogFileResponse>(request).error_code, code(ErrorCode::invalid_request));
  request = reading_file();
  request.partition = -1;
  EXPECT_EQ(ask_locally<LogFileResponse>(request).error_code, code(ErrorCode::invalid_request));
  request = reading_file();
  request.topic = "../a";
  EXPECT_EQ(ask_locally<LogFileResponse>(request).error_code, code(ErrorCode::invalid_topic));
}

TEST_F(LocalApis, show_locks_only_to_whoever_may_describe_the_bus) {
  authorizer_.denied = {{Operation::describe, ""}};
  EXPECT_EQ(ask_locally<LocksResponse>(LocksRequest{}).error_code,
            code(ErrorCode::cluster_authorization_failed));
}

}  // namespace
}  // namespace ringmain::gateway
