// Hostile bytes on the broker's sockets: the connection that sent them ends, the others go on.
#include <gtest/gtest.h>

#include <random>

#include "raw_client.hpp"

namespace ringmain::test {
namespace {

class HostilePeer : public ::testing::TestWithParam<const char*> {  // unix, tcp
 protected:
  HostilePeer() {
    folders.options().listeners = {"127.0.0.1:0"};
    folders.start_broker();
    bus.emplace(folders.open());
    create_topic(*bus, "log");
    appender.emplace(*bus, TopicPartition{"log", 0});
    reader.emplace(*bus, TopicPartition{"log", 0});
  }
  ~HostilePeer() override {
    appender->append("still here");
    EXPECT_EQ(reader->next(kForever), "still here");
    EXPECT_EQ(bus->admin().describe_topic("log").partitions, 1);
  }
  RawClient connect() {
    return std::string(GetParam()) == "unix" ? RawClient(folders) : RawClient(folders.broker().listener_addresses()[0]);
  }

  TemporaryBus folders{TemporaryBus::Start::later};
  std::optional<Bus> bus;
  std::optional<Appender> appender;
  std::optional<Reader> reader;
};

INSTANTIATE_TEST_SUITE_P(Sockets, HostilePeer, ::testing::Values("unix", "tcp"), [](const auto& test) { return test.param; });

using namespace std::string_literals;

TEST_P(HostilePeer, sends_lengths_that_no_request_has) {
  for (const std::string& size : {"\x7f\xff\xff\xff"s, "\xff\xff\xff\xff"s, "\x80\0\0\0"s, "\0\0\0\0"s, "\0\0\0\1x"s}) {
    RawClient client = connect();
    client.send(size + std::string(100, 'x'));
    client.end_writing();
    client.wait_until_closed();
  }
}

TEST_P(HostilePeer, announces_the_largest_request_and_sends_little) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    clients.back().send("\x06\x40\x00\x00 and then nothing"s);  // 100 MiB
  }
}

TEST_P(HostilePeer, says_nothing_at_all) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(connect());
}

TEST_P(HostilePeer, closes_its_half_at_once) {
  RawClient client = connect();
  client.end_writing();
  client.wait_until_closed();
}

TEST_P(HostilePeer, goes_in_the_middle_of_a_request) {
  for (std::size_t bytes = 1; bytes < 20; ++bytes) connect().send("\0\0\0\x64\x4e\x22\0\0\0\0\0\1\0\3raw\0\0\0"s.substr(0, bytes));
}

TEST_P(HostilePeer, sends_one_byte_at_a_time_and_is_served) {
  RawClient client = connect();
  const auto frame = kafka::request_frame(kafka::ApiVersionsRequest{}, {0, 1, "raw"});
  for (const std::byte byte : *frame) client.send(std::string(1, static_cast<char>(byte)));
  EXPECT_EQ(client.ask<kafka::ApiVersionsResponse>(kafka::ApiVersionsRequest{}).error_code, 0);
}

TEST_P(HostilePeer, asks_without_reading_the_answers) {
  RawClient client = connect();
  kafka::MetadataRequest everything;
  for (int i = 0; i < 2000; ++i) client.send_request(everything, 9);
}

TEST_P(HostilePeer, asks_for_apis_and_versions_that_are_not_there) {
  for (const std::string& header : {"\x7f\xff\0\0"s, "\xff\xff\0\0"s, "\0\3\x7f\xff"s, "\0\3\xff\xff"s, "\x4e\x20\0\x63"s}) {
    RawClient client = connect();
    const std::string request = header + "\0\0\0\1\0\3raw\0"s;
    client.send("\0\0\0"s + static_cast<char>(request.size()) + request);
    client.end_writing();
    client.wait_until_closed();
  }
}

TEST_P(HostilePeer, sends_garbage) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    RawClient client = connect();
    std::string bytes(random() % 300, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (round % 2 == 0 && bytes.size() > 4)  // one whole frame of it
      bytes.replace(0, 4, "\0\0"s + static_cast<char>((bytes.size() - 4) >> 8) + static_cast<char>(bytes.size() - 4));
    client.send(bytes);
    client.end_writing();
    client.wait_until_closed();
  }
}

TEST_P(HostilePeer, sends_a_greeting_and_then_garbage) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    RawClient client = connect();
    client.send_request(kafka::HelloRequest{.protocol_version = 1, .client_id = "raw"});
    std::string body(8 + random() % 100, '\0');
    for (char& byte : body) byte = static_cast<char>(random());
    body.replace(0, 4, "\x4e"s + static_cast<char>(0x20 + round % 4) + "\0\0"s);  // attach, detach, hello, locks
    body.replace(4, 4, "\0\0\0\1"s);
    client.send("\0\0\0"s + static_cast<char>(body.size()) + body);
    client.end_writing();
    client.wait_until_closed();
  }
}

TEST_P(HostilePeer, attaches_without_a_greeting) {
  RawClient client = connect();
  const auto answer = client.attach("log", 0, 1);
  EXPECT_NE(answer.error_code, 0);
  EXPECT_TRUE(client.fds.empty());
  EXPECT_NE(answer.error_message->find(std::string(GetParam()) == "unix" ? "Hello" : "Unix socket"), std::string::npos)
      << *answer.error_message;
}

// What only a process of this host can do.

class UnixPeer : public ::testing::Test {
 protected:
  UnixPeer() { create_topic(bus, "log", 1, {{"single.producer", "true"}}); }
  static void expect_refused(std::int16_t code, const std::optional<std::string>& message, ErrorCode expected, const char* words) {
    EXPECT_STREQ(error_name(static_cast<ErrorCode>(code)), error_name(expected));
    ASSERT_TRUE(message);
    EXPECT_NE(message->find(words), std::string::npos) << *message;
  }

  TemporaryBus folders;
  Bus bus = folders.open();
  RawClient client{folders};
};

TEST_F(UnixPeer, of_another_version_is_told_both_versions) {
  for (const std::int32_t version : {0, 2, -1, INT32_MAX}) {
    const auto answer = client.hello(version);
    expect_refused(answer.error_code, answer.error_message, ErrorCode::version_mismatch, "speaks 1");
    EXPECT_TRUE(client.fds.empty());
  }
  EXPECT_EQ(client.hello().error_code, 0) << "and may try again";
  EXPECT_EQ(client.fds.size(), 3u);
}

TEST_F(UnixPeer, greets_once) {
  EXPECT_EQ(client.hello().error_code, 0);
  const auto again = client.hello();
  expect_refused(again.error_code, again.error_message, ErrorCode::invalid_request, "Hello already");
}

TEST_F(UnixPeer, cannot_pass_for_another_participant) {
  RawClient other(folders);
  const auto known = other.hello();
  const auto answer = client.ask<kafka::HelloResponse>(kafka::HelloRequest{.protocol_version = 1,
                                                                         .client_id = "raw",
                                                                         .participant_id = known.participant_id,
                                                                         .participant_nonce = known.participant_nonce ^ 1});
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_NE(answer.participant_id, known.participant_id);
  RawClient third(folders);
  for (const std::int32_t id : {0, -5, 4096, INT32_MAX, INT32_MIN}) {
    RawClient odd(folders);
    const auto fresh = odd.ask<kafka::HelloResponse>(
        kafka::HelloRequest{.protocol_version = 1, .client_id = "raw", .participant_id = id, .participant_nonce = 0});
    EXPECT_EQ(fresh.error_code, 0);
    EXPECT_GT(fresh.participant_id, 0);
  }
}

TEST_F(UnixPeer, cannot_give_back_what_is_not_its_own) {
  const Appender appender(bus, {"log", 0});
  const Reader reader(bus, {"log", 0});
  client.hello();
  const auto topic = client.attach("log", 0, 0);
  EXPECT_EQ(topic.error_code, 0);
  for (const std::int32_t index : {0, 5, 255, 256, -1, INT32_MAX, INT32_MIN})
    for (const std::int8_t role : {0, 1}) {
      const auto answer = client.ask<kafka::DetachResponse>(
          kafka::DetachRequest{.topic_id = topic.topic_id, .partition = 0, .role = role, .entry_index = index});
      expect_refused(answer.error_code, answer.error_message, ErrorCode::invalid_request, "not yours");
    }
  expect_error([&] { Appender(bus, {"log", 0}); }, ErrorCode::exclusive_taken);
}

TEST_F(UnixPeer, gives_a_line_back_once) {
  client.hello();
  for (const std::int8_t role : {0, 1}) {
    const auto line = client.attach("log", 0, role);
    const kafka::DetachRequest back{.topic_id = line.topic_id, .partition = 0, .role = role, .entry_index = line.entry_index};
    EXPECT_EQ(client.ask<kafka::DetachResponse>(back).error_code, 0);
    EXPECT_NE(client.ask<kafka::DetachResponse>(back).error_code, 0);
  }
  EXPECT_EQ(Appender(bus, {"log", 0}).append("x"), 0);
}

TEST_F(UnixPeer, gets_no_descriptors_with_a_refusal) {
  client.hello();
  const Appender appender(bus, {"log", 0});
  for (const auto& [topic, partition, role] : std::vector<std::tuple<std::string, std::int32_t, std::int8_t>>{
           {"nothing", 0, 1}, {"log", 1, 1}, {"log", -1, 0}, {"log", 0, 9}, {"log", 0, -1}, {"log", 0, 1}, {"../log", 0, 0}, {"", 0, 0}}) {
    const auto answer = client.attach(topic, partition, role);
    EXPECT_NE(answer.error_code, 0) << topic << partition << int{role};
    EXPECT_TRUE(answer.error_message && !answer.error_message->empty());
    EXPECT_TRUE(client.fds.empty());
  }
}

TEST_F(UnixPeer, consumes_through_a_descriptor_that_cannot_write) {
  client.hello();
  ASSERT_EQ(client.attach("log", 0, 0).error_code, 0);
  ASSERT_EQ(client.fds.size(), 2u);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, client.fds[0].get(), 0), MAP_FAILED);
  EXPECT_LT(::write(client.fds[0].get(), "x", 1), 0);
}

TEST_F(UnixPeer, that_attaches_by_another_version_is_told_both_versions_and_gets_nothing) {
  client.hello();
  for (const std::int32_t version : {0, 2, -1, INT32_MAX}) {
    const auto answer = client.ask<kafka::AttachResponse>(
        kafka::AttachRequest{.topic = "log", .partition = 0, .role = 1, .protocol_version = version});
    expect_refused(answer.error_code, answer.error_message, ErrorCode::version_mismatch, "speaks 1");
    const std::string said = answer.error_message.value_or("");
    EXPECT_NE(said.find("version " + std::to_string(version)), std::string::npos) << said;
    EXPECT_TRUE(client.fds.empty());
  }
  EXPECT_EQ(client.attach("log", 0, 1).error_code, 0) << "the line of the only producer is free";
}

TEST_F(UnixPeer, cannot_give_a_topic_the_id_of_another) {
  const auto create = [&](const std::string& name, const std::string& id) {
    kafka::CreateTopicsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    auto& config = topic.configs.emplace_back();
    config.name = "ringmain.topic.id";
    config.value = id;
    return client.ask<kafka::CreateTopicsResponse>(request, 7).topics.at(0);
  };
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  EXPECT_EQ(create("first", id).error_code, 0);
  EXPECT_EQ(create("first", id).error_code, 0) << "the same request again";
  folders.restart_broker();
  client = RawClient(folders);
  EXPECT_EQ(create("first", id).error_code, 0) << "also to the next broker";
  const auto other = create("second", id);
  expect_refused(other.error_code, other.error_message, ErrorCode::invalid_request, "first");
}

}  // namespace
}  // namespace ringmain::test
