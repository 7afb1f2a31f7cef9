// Admin over TCP: against a broker of ours, against brokers of other versions, and against peers
// that are none.
#include <gtest/gtest.h>

#include "bus_fixture.hpp"
#include "client/remote_cluster.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/create_topics.hpp"
#include "kafka/generated/delete_topics.hpp"
#include "kafka/generated/list_offsets.hpp"
#include "kafka/generated/metadata.hpp"
#include "unit/client/fake_peer.hpp"

namespace ringmain::test {
namespace {

using Range = kafka::ApiVersionsResponse::ApiRange;

Bus open_remote(const std::string& bootstrap) {
  BusOptions options;
  options.bootstrap = bootstrap;
  return Bus::open(options);
}

class Remote : public ::testing::Test {
 protected:
  Remote() : folders(TemporaryBus::Start::later) {
    folders.options().listeners = {"127.0.0.1:0"};
    folders.start_broker();
    bus.emplace(open_remote(address()));
  }
  std::string address() { return folders.broker().listener_addresses().at(0); }

  TemporaryBus folders;
  std::optional<Bus> bus;
};

TEST_F(Remote, topics_are_made_described_changed_and_deleted) {
  Admin& admin = bus->admin();
  create_topic(*bus, "orders", 2);
  EXPECT_EQ(admin.describe_topic("orders").partitions, 2);
  EXPECT_EQ(admin.list_topics().size(), 1u);
  admin.add_partitions("orders", 3);
  admin.alter_configs("orders", {.set = {{"max.message.bytes", "77"}}});
  bool found = false;
  for (const ConfigValue& value : admin.describe_configs("orders"))
    found |= value.name == "max.message.bytes" && value.value == "77" &&
             value.source == ConfigSource::topic;
  EXPECT_TRUE(found);
  EXPECT_EQ(admin.describe_log_sizes("orders"), (std::vector<std::int64_t>{0, 0, 0}));
  Bus local = folders.open();
  Appender appender(local, {"orders", 1});
  for (int i = 0; i < 5; ++i) appender.append({.topic = "orders", .value = "x"});
  const TopicPartition partition{"orders", 1};
  EXPECT_EQ(admin.list_offsets({{partition, OffsetSpec::latest()}}).at(partition), 5);
  EXPECT_EQ(admin.delete_records("orders", 1, 2), 2);
  EXPECT_EQ(admin.list_offsets({{partition, OffsetSpec::earliest()}}).at(partition), 2);
  admin.delete_topic("orders");
  EXPECT_TRUE(admin.list_topics().empty());
  expect_error([&] { admin.delete_topic("orders"); }, ErrorCode::unknown_topic_or_partition,
               {"orders"});
}

TEST_F(Remote, groups_are_administered) {
  create_topic(*bus, "orders", 1);
  const TopicPartition partition{"orders", 0};
  bus->admin().alter_group_offsets("g", {{partition, 0}});
  EXPECT_EQ(bus->admin().list_groups().at(0).group, "g");
  EXPECT_EQ(bus->admin().describe_group("g").offsets.at(0).committed, 0);
  bus->admin().delete_group_offsets("g", {partition});
  EXPECT_EQ(folders.open().admin().describe_group("g").offsets.size(), 0u);
}

TEST_F(Remote, settings_and_the_cluster_are_described) {
  const ClusterDescription cluster = bus->admin().describe_cluster();
  ASSERT_EQ(cluster.brokers.size(), 1u);
  EXPECT_EQ(cluster.brokers[0].host + ":" + std::to_string(cluster.brokers[0].port), address());
  EXPECT_FALSE(bus->admin().describe_broker_configs().empty());
  EXPECT_EQ(bus->directory(), "");
  EXPECT_EQ(bus->broker_pid(), 0);
}

TEST_F(Remote, what_needs_shared_memory_says_so) {
  create_topic(*bus, "orders", 1);
  expect_error([&] { bus->admin().describe_locks("orders"); }, ErrorCode::unsupported_version,
               {"bus directory"});
  expect_error([&] { Appender(*bus, {"orders", 0}); }, ErrorCode::invalid_state, {"shared memory"});
  expect_error([&] { Reader(*bus, {"orders", 0}); }, ErrorCode::invalid_state, {"shared memory"});
}

TEST_F(Remote, a_broker_that_was_started_again_is_found_again) {
  create_topic(*bus, "orders", 1);
  folders.options().listeners = {address()};
  folders.restart_broker();
  EXPECT_EQ(bus->admin().list_topics().size(), 1u);
}

TEST_F(Remote, of_several_addresses_the_first_that_answers_is_taken) {
  const std::string nobody = "127.0.0.1:1";
  EXPECT_TRUE(open_remote(nobody + "," + address()).admin().list_topics().empty());
}

TEST_F(Remote, when_the_one_that_was_taken_is_gone_the_next_one_is_asked) {
  TemporaryBus other(TemporaryBus::Start::later);
  other.options().listeners = {"127.0.0.1:0"};
  other.start_broker();
  create_topic(*bus, "orders", 1);
  Bus both = open_remote(address() + "," + other.broker().listener_addresses().at(0));
  EXPECT_EQ(both.admin().list_topics().size(), 1u);
  folders.stop_broker();
  EXPECT_TRUE(both.admin().list_topics().empty()) << "that is the other's";
  create_topic(both, "late", 1);
  Producer producer(both);  // these have connections of their own
  EXPECT_EQ(producer.send_sync({.topic = "late", .value = "v"}).offset, 0);
  Consumer consumer(both, {{"auto.offset.reset", "earliest"}});
  consumer.subscribe({"late"});
  EXPECT_EQ(consumer.poll(kForever).count(), 1u);
}

// ---- Peers that are none

TEST(RemotePeer, nobody_listens) {
  expect_error([] { open_remote("127.0.0.1:1"); }, ErrorCode::broker_unavailable,
               {"nobody listens on 127.0.0.1:1"});
}

TEST(RemotePeer, no_such_host) {
  expect_error([] { open_remote("no-such-host.invalid:9092"); }, ErrorCode::broker_unavailable,
               {"no-such-host.invalid"});
}

TEST(RemotePeer, no_address) {
  for (const char* text : {"localhost", ":9092", "localhost:0", "localhost:x", ",", "a b:1"})
    expect_error([&] { open_remote(text); }, ErrorCode::invalid_argument, {"HOST:PORT"});
  BusOptions both;
  both.bootstrap = "localhost:9092";
  both.directory = "/tmp";
  expect_error([&] { Bus::open(both); }, ErrorCode::invalid_argument, {"exclude"});
}

TEST(RemotePeer, one_that_speaks_something_else) {
  const FakePeer web([](int socket) {
    constexpr std::string_view answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static_cast<void>(os::send_with_fds(socket, std::as_bytes(std::span(answer)), {}));
  });
  expect_error([&] { open_remote(web.address()); }, ErrorCode::broker_unavailable,
               {"Kafka broker", "TLS"});
}

TEST(RemotePeer, one_that_hangs_up) {
  const FakePeer rude([](int) {});
  expect_error([&] { open_remote(rude.address()); }, ErrorCode::broker_unavailable,
               {"Kafka broker"});  // closed, or reset: the kernel decides
}

TEST(RemotePeer, one_that_says_nothing) {
  const FakePeer silent([](int socket) {
    char byte;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  });
  const auto opened = client::RemoteCluster::open(
      silent.address(), "test", {.connect_ns = 50'000'000, .answer_ns = 50'000'000});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::request_timed_out);
  EXPECT_NE(opened.error().message.find(silent.address()), std::string::npos);
}

TEST(RemotePeer, one_that_answers_with_nonsense) {
  const FakePeer odd([](int socket) {
    const std::array<std::byte, 8> answer{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{4}};
    static_cast<void>(os::send_with_fds(socket, answer, {}));
    char byte;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  });
  expect_error([&] { open_remote(odd.address()); }, ErrorCode::broker_unavailable,
               {"Kafka broker"});
}

// ---- Brokers of other versions

kafka::Bytes versions_answer(const kafka::RequestHeader& header, std::vector<Range> ranges,
                             std::int16_t error = 0) {
  kafka::ApiVersionsResponse response;
  response.error_code = error;
  response.api_keys = std::move(ranges);
  kafka::RequestHeader in_version = header;
  if (error != 0) in_version.api_version = 0;
  return *kafka::response_frame(response, in_version);
}

TEST(RemoteVersions, an_older_broker_is_asked_in_the_versions_that_it_speaks) {
  std::vector<std::int16_t> asked;
  const FakePeer old(speaking_kafka(
      [&](const kafka::RequestHeader& header, kafka::Reader&) -> std::optional<kafka::Bytes> {
        const std::vector<Range> ranges{{3, 0, 5}, {18, 0, 2}, {19, 0, 3}};
        if (header.api_key == 18)
          return versions_answer(header, ranges, header.api_version > 2 ? 35 : 0);
        asked.push_back(header.api_version);
        kafka::MetadataResponse response;
        response.brokers = {{0, "127.0.0.1", 1, std::nullopt}};
        return *kafka::response_frame(response, header);
      }));
  Bus bus = open_remote(old.address());
  EXPECT_TRUE(bus.admin().list_topics().empty());
  EXPECT_EQ(asked, std::vector<std::int16_t>{5});
  expect_error([&] { bus.admin().create_topic({.name = "a"}); }, ErrorCode::unsupported_version,
               {"CreateTopics", "0 to 3", "4 to 7"});
  expect_error([&] { bus.admin().list_groups(); }, ErrorCode::unsupported_version, {"ListGroups"});
  EXPECT_EQ(bus.admin().describe_cluster().brokers.size(), 1u)
      << "by Metadata, as before DescribeCluster";
}

TEST(RemoteVersions, requests_go_to_the_broker_that_they_are_for) {
  std::vector<std::string> served[2];
  std::atomic<std::uint16_t> ports[2] = {};
  const auto broker = [&](std::int32_t id) {
    return speaking_kafka([&, id](const kafka::RequestHeader& header,
                                  kafka::Reader& body) -> std::optional<kafka::Bytes> {
      if (header.api_key == 18)
        return versions_answer(header, {{2, 1, 5}, {3, 4, 9}, {18, 0, 3}, {20, 1, 5}});
      if (header.api_key == 3) {
        kafka::MetadataResponse response;
        response.brokers = {{0, "127.0.0.1", ports[0], std::nullopt},
                            {1, "127.0.0.1", ports[1], std::nullopt}};
        response.controller_id = 1;
        auto& topic = response.topics.emplace_back();
        topic.name = "t";
        for (const std::int32_t index : {0, 1}) {
          auto& partition = topic.partitions.emplace_back();
          partition.partition_index = index;
          partition.leader_id = index;
        }
        return *kafka::response_frame(response, header);
      }
      if (header.api_key == 20) {
        served[id].push_back("delete");
        kafka::DeleteTopicsResponse response;
        return *kafka::response_frame(response, header);
      }
      const auto request = kafka::ListOffsetsRequest::decode(body, header.api_version);
      kafka::ListOffsetsResponse response;
      for (const auto& topic : request->topics) {
        response.topics.emplace_back().name = topic.name;
        for (const auto& partition : topic.partitions) {
          served[id].push_back("offsets of " + std::to_string(partition.partition_index));
          auto& answer = response.topics.back().partitions.emplace_back();
          answer.partition_index = partition.partition_index;
          answer.offset = 100 + id;
        }
      }
      return *kafka::response_frame(response, header);
    });
  };
  {
    const FakePeer first(broker(0));
    const FakePeer second(broker(1));
    ports[0] = first.port();
    ports[1] = second.port();
    Bus bus = open_remote(first.address());
    const auto offsets = bus.admin().list_offsets(
        {{{"t", 0}, OffsetSpec::latest()}, {{"t", 1}, OffsetSpec::latest()}});
    EXPECT_EQ(offsets.at({"t", 0}), 100);
    EXPECT_EQ(offsets.at({"t", 1}), 101);
    bus.admin().delete_topic("t");
  }
  EXPECT_EQ(served[0], std::vector<std::string>{"offsets of 0"});
  EXPECT_EQ(served[1], (std::vector<std::string>{"offsets of 1", "delete"}));
}

TEST(RemoteVersions, a_broker_that_others_have_told_of_is_asked_when_the_first_is_gone) {
  std::atomic<bool> is_first_tired{false};
  std::atomic<std::uint16_t> ports[2] = {};
  const auto broker = [&](std::int32_t id) {
    return speaking_kafka([&, id](const kafka::RequestHeader& header, kafka::Reader&) -> std::optional<kafka::Bytes> {
      if (header.api_key == 18) return versions_answer(header, {{3, 4, 9}, {18, 0, 3}, {20, 1, 5}});
      if (id == 0 && is_first_tired) return std::nullopt;  // hangs up
      if (header.api_key == 20) return *kafka::response_frame(kafka::DeleteTopicsResponse{}, header);
      kafka::MetadataResponse response;
      response.brokers = {{0, "127.0.0.1", ports[0], std::nullopt}, {1, "127.0.0.1", ports[1], std::nullopt}};
      response.topics.emplace_back().name = "told by " + std::to_string(id);
      return *kafka::response_frame(response, header);
    });
  };
  const FakePeer second(broker(1));
  auto first = std::make_unique<const FakePeer>(broker(0));
  ports[0] = first->port();
  ports[1] = second.port();
  Bus bus = open_remote(first->address());
  bus.admin().delete_topic("t");  // who the controller is was asked for that, and who else is there
  is_first_tired = true;
  expect_error([&] { bus.admin().list_topics(); }, ErrorCode::broker_unavailable, {"closed the connection"});
  first.reset();
  EXPECT_EQ(bus.admin().list_topics().at(0).name, "told by 1");
}

}  // namespace
}  // namespace ringmain::test
