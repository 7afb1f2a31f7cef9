// Producer over TCP: against a broker of ours, which also dies and comes again, and against peers
// that answer what a test wants.
#include <gtest/gtest.h>

#include <set>

#include "bus_fixture.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/metadata.hpp"
#include "kafka/generated/produce.hpp"
#include "kafka/record_batch.hpp"
#include "unit/client/fake_peer.hpp"
#include "unit/client/varied_records.hpp"

namespace ringmain::test {
namespace {

constexpr const char* kForeverMs = "100000000";

Bus open_remote(const std::string& bootstrap) {
  BusOptions options;
  options.bootstrap = bootstrap;
  return Bus::open(options);
}

class RemoteProducer : public ::testing::Test {
 protected:
  RemoteProducer() : folders(TemporaryBus::Start::later) {
    folders.options().listeners = {"127.0.0.1:0"};
    folders.start_broker();
    remote.emplace(open_remote(address()));
    create_topic(*remote, "orders", 4, small_slots(64));
  }
  std::string address() { return folders.broker().listener_addresses().at(0); }

  // All that is in a partition, natively.
  std::vector<std::string> values(const std::string& topic, std::int32_t partition) {
    Bus local = folders.open();
    Reader reader(local, {topic, partition});
    std::vector<std::string> values;
    for (Bytes value = reader.try_next(); value.data() != nullptr; value = reader.try_next())
      values.emplace_back(value);
    return values;
  }

  TemporaryBus folders;
  std::optional<Bus> remote;
};

TEST_F(RemoteProducer, what_is_sent_is_read_natively_record_for_record) {
  for (const std::string codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    create_topic(*remote, codec);
    Producer producer(*remote, {{"compression.type", codec}});
    send_varied_records(producer, codec);
    Bus local = folders.open();
    expect_varied_records(local, codec);
  }
}

TEST_F(RemoteProducer, each_record_is_reported_once_with_where_it_went) {
  Producer producer(*remote, {{"partitioner", "round-robin"}});
  std::set<std::pair<std::int32_t, std::int64_t>> places;
  std::vector<std::string> sent[4];
  for (int i = 0; i < 4000; ++i) {
    const std::string value = std::to_string(i);
    sent[i % 4].push_back(value);
    producer.send({.topic = "orders", .value = value}, [&, i](const RecordMetadata& metadata, const Error* error) {
      ASSERT_EQ(error, nullptr) << error->message;
      EXPECT_EQ(metadata.partition, i % 4);
      EXPECT_EQ(metadata.offset, i / 4);
      EXPECT_GT(metadata.timestamp_ns, 0);
      EXPECT_TRUE(places.emplace(metadata.partition, metadata.offset).second);
    });
  }
  producer.flush();
  EXPECT_EQ(places.size(), 4000u);
  for (int partition = 0; partition < 4; ++partition) EXPECT_EQ(values("orders", partition), sent[partition]);
}

TEST_F(RemoteProducer, send_sync_waits_for_what_acks_ask_for) {
  create_topic(*remote, "kept", 1, {});
  for (const std::string acks : {"0", "1", "all"}) {
    Producer producer(*remote, {{"acks", acks}, {"linger.ms", kForeverMs}});
    producer.send({.topic = "kept", .value = acks + " gathered"});
    const RecordMetadata sent = producer.send_sync({.topic = "kept", .value = acks});
    EXPECT_EQ(sent.partition, 0);
    EXPECT_EQ(sent.offset, acks == "0" ? -1 : acks == "1" ? 3 : 5) << "behind what was gathered before it";
    if (acks == "0") wait_until([&] { return values("kept", 0).size() == 2; });
    if (acks != "all") continue;
    Bus local = folders.open();
    Consumer consumer(local);
    consumer.assign({{"kept", 0}});
    EXPECT_EQ(consumer.durable_offset({"kept", 0}), 6);
  }
}

TEST_F(RemoteProducer, keys_go_where_a_native_producer_puts_them) {
  Bus local = folders.open();
  for (const std::string partitioner : {"murmur2", "crc32"}) {
    Producer over_tcp(*remote, {{"partitioner", partitioner}}), native(local, {{"partitioner", partitioner}});
    for (int i = 0; i < 50; ++i) {
      const std::string key = std::to_string(i);
      EXPECT_EQ(over_tcp.send_sync({.topic = "orders", .key = key}).partition,
                native.send_sync({.topic = "orders", .key = key}).partition);
    }
  }
}

TEST_F(RemoteProducer, batches_linger_and_go_by_themselves) {
  Producer producer(*remote, {{"linger.ms", "30"}});
  int told = 0;
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i)
    producer.send({.topic = "orders", .value = "v", .partition = 2}, [&](const RecordMetadata&, const Error* error) {
      EXPECT_EQ(error, nullptr);
      ++told;
    });
  wait_until([&] { return values("orders", 2).size() == 3; });  // nobody calls the producer
  EXPECT_GE(std::chrono::steady_clock::now() - started, std::chrono::milliseconds(30));
  EXPECT_EQ(told, 0);
  wait_until([&] {
    producer.poll();
    return told == 3;
  });
}

TEST_F(RemoteProducer, what_is_gathered_goes_when_the_producer_ends) {
  {
    Producer producer(*remote, {{"linger.ms", kForeverMs}});
    producer.send({.topic = "orders", .value = "a", .partition = 1});
  }
  EXPECT_EQ(values("orders", 1), std::vector<std::string>{"a"});
}

TEST_F(RemoteProducer, callbacks_may_send_and_throw) {
  Producer producer(*remote, {{"linger.ms", kForeverMs}});  // so that no send() finds an answer
  int calls = 0;
  DeliveryCallback again;
  again = [&](const RecordMetadata&, const Error* error) {
    EXPECT_EQ(error, nullptr);
    if (++calls < 3) producer.send({.topic = "orders", .value = "v", .partition = 0}, again);
  };
  producer.send({.topic = "orders", .value = "v", .partition = 0}, again);
  wait_until([&] {
    producer.flush();
    return calls == 3;
  });
  for (int i = 0; i < 2; ++i)
    producer.send({.topic = "orders", .partition = 3}, [](const RecordMetadata&, const Error*) { throw std::string("x"); });
  EXPECT_THROW(producer.flush(), std::string);
  EXPECT_THROW(producer.flush(), std::string) << "the second record's is due yet";
  producer.flush();
}

TEST_F(RemoteProducer, a_record_that_is_too_large_is_refused_and_others_of_its_batch_are_not) {
  Producer producer(*remote, {{"linger.ms", kForeverMs}, {"batch.size", "1000000"}});
  std::vector<int> refused, sent;
  for (int i = 0; i < 9; ++i) {
    const std::string value(i == 4 ? 20'000 : 3'000, static_cast<char>('0' + i));  // the topic takes some 16,000
    producer.send({.topic = "orders", .value = value, .partition = 0}, [&, i](const RecordMetadata& metadata, const Error* error) {
      if (error == nullptr) {
        EXPECT_EQ(metadata.offset, i < 4 ? i : i - 1);
        return sent.push_back(i);
      }
      EXPECT_EQ(error->code, ErrorCode::message_too_large) << error->message;
      EXPECT_EQ(metadata.offset, -1);
      refused.push_back(i);
    });
  }
  producer.flush();
  EXPECT_EQ(refused, std::vector<int>{4});
  EXPECT_EQ(sent, (std::vector<int>{0, 1, 2, 3, 5, 6, 7, 8}));
  const auto found = values("orders", 0);
  ASSERT_EQ(found.size(), 8u);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(found[static_cast<std::size_t>(i)][0], '0' + (i < 4 ? i : i + 1));
  expect_error([&] { producer.send_sync({.topic = "orders", .value = std::string(20'000, 'x'), .partition = 0}); },
               ErrorCode::message_too_large, {"orders-0"});
  Producer small(*remote, {{"max.request.size", "500"}});
  expect_error([&] { small.send_sync({.topic = "orders", .value = std::string(500, 'x')}); }, ErrorCode::message_too_large,
               {"max.request.size"});
}

TEST_F(RemoteProducer, topics_and_partitions_that_are_not_there) {
  Producer producer(*remote);
  expect_error([&] { producer.send_sync({.topic = "orders", .partition = 4}); }, ErrorCode::unknown_topic_or_partition,
               {"partition 4", "orders"});
  expect_error([&] { producer.send_sync({.topic = "a b"}); }, ErrorCode::invalid_topic, {"a b"});
  EXPECT_EQ(producer.send_sync({.topic = "made"}).offset, 0) << "as auto.create.topics.enable says";
  remote->admin().add_partitions("orders", 6);
  EXPECT_EQ(producer.send_sync({.topic = "orders", .partition = 5}).offset, 0) << "one that was added since";
}

TEST_F(RemoteProducer, a_topic_that_the_broker_does_not_create_is_an_error_after_a_while) {
  folders.stop_broker();
  folders.options().configs["auto.create.topics.enable"] = "false";
  folders.start_broker();
  Bus bus = open_remote(address());
  Producer producer(bus);
  expect_error([&] { producer.send_sync({.topic = "nothing"}); }, ErrorCode::unknown_topic_or_partition,
               {"nothing", "auto.create.topics.enable"});
  Producer hasty(bus, {{"max.block.ms", "50"}});
  expect_error([&] { hasty.send_sync({.topic = "nothing"}); }, ErrorCode::request_timed_out, {"nothing", "max.block.ms"});
}

TEST_F(RemoteProducer, goes_on_when_the_broker_was_started_again) {
  Producer producer(*remote);
  EXPECT_EQ(producer.send_sync({.topic = "orders", .value = "0", .partition = 0}).offset, 0);
  folders.options().listeners = {address()};
  folders.stop_broker();
  int told = 0;
  for (int i = 1; i <= 100; ++i)
    producer.send({.topic = "orders", .value = std::to_string(i), .partition = 0}, [&](const RecordMetadata&, const Error* error) {
      EXPECT_EQ(error, nullptr) << error->message;
      ++told;
    });
  EXPECT_EQ(told, 0);
  folders.start_broker();
  producer.flush();
  EXPECT_EQ(told, 100);
  std::vector<std::string> expected;
  for (int i = 0; i <= 100; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(values("orders", 0), expected) << "nothing was on its way when it died: nothing is there twice";
}

TEST_F(RemoteProducer, without_a_broker_records_wait_for_delivery_timeout_and_room_for_max_block) {
  Producer producer(*remote, {{"delivery.timeout.ms", "400"}, {"max.block.ms", "1"}, {"buffer.memory", "2000"}});
  wait_until([&] { return !error_of([&] { producer.send_sync({.topic = "orders", .value = "0", .partition = 0}); }); });
  folders.stop_broker();
  int late = 0, no_room = 0;
  for (int i = 0; i < 3; ++i)
    producer.send({.topic = "orders", .value = std::string(900, 'x'), .partition = 0}, [&](const RecordMetadata&, const Error* error) {
      ASSERT_NE(error, nullptr);
      late += error->code == ErrorCode::request_timed_out;
      no_room += error->code == ErrorCode::no_space;
      if (error->code == ErrorCode::no_space) {
        EXPECT_NE(error->message.find("buffer.memory"), std::string::npos) << error->message;
      } else {
        EXPECT_NE(error->message.find("delivery.timeout.ms"), std::string::npos) << error->message;
      }
    });
  EXPECT_EQ(no_room, 1);
  producer.flush();
  EXPECT_EQ(late, 2);
}

TEST_F(RemoteProducer, what_needs_shared_memory_says_so) {
  Producer producer(*remote);
  expect_error([&] { producer.durable_offset({"orders", 0}); }, ErrorCode::unsupported_version, {"shared memory", "acks=all"});
  expect_error([&] { producer.wait_durable({"orders", 0}, 0, kNow); }, ErrorCode::unsupported_version, {"shared memory"});
  expect_error([&] { Producer(*remote, {{"ack.durability", "memory"}}); }, ErrorCode::invalid_config, {"acks=all"});
  expect_error([&] { Producer(*remote, {{"transactional.id", "x"}}); }, ErrorCode::invalid_config, {"buffer.memory"});
  expect_error([&] { Producer(*remote, {{"retries", "-1"}}); }, ErrorCode::invalid_config, {"retries"});
  Bus local = folders.open();
  expect_error([&] { Producer(local, {{"retries", "3"}}); }, ErrorCode::invalid_config, {"retries"});
}

// ---- Brokers that fail

// A broker of topic "t" with so many partitions, that answers each Produce as `said` says: an error for each batch, or
// nullopt to hang up.
class FakeBroker {
 public:
  using Said = std::function<std::optional<std::int16_t>(std::int32_t partition, const std::vector<std::string>& values)>;

  FakeBroker(std::int32_t partitions, Said said) : said_(std::move(said)), peer_(serve(partitions)) {}

  std::string address() const { return peer_.address(); }
  int requests() const { return requests_; }

 private:
  FakePeer::Serve serve(std::int32_t partitions) {
    return speaking_kafka([this, partitions](const kafka::RequestHeader& header, kafka::Reader& body) -> std::optional<kafka::Bytes> {
      if (header.api_key == 18) {
        kafka::ApiVersionsResponse response;
        response.api_keys = {{0, 3, 7}, {3, 0, 8}, {18, 0, 3}};
        return *kafka::response_frame(response, header);
      }
      if (header.api_key == 3) {
        kafka::MetadataResponse response;
        response.brokers = {{1, "127.0.0.1", 1, std::nullopt}};
        auto& topic = response.topics.emplace_back();
        topic.name = "t";
        for (std::int32_t i = 0; i < partitions; ++i) {
          auto& partition = topic.partitions.emplace_back();
          partition.partition_index = i;
          partition.leader_id = 1;
        }
        return *kafka::response_frame(response, header);
      }
      return produce(header, body);
    });
  }

  std::optional<kafka::Bytes> produce(const kafka::RequestHeader& header, kafka::Reader& body) {
    ++requests_;
    const std::lock_guard lock(mutex_);
    const auto request = kafka::ProduceRequest::decode(body, header.api_version);
    kafka::ProduceResponse response;
    for (const auto& topic : request->topic_data) {
      response.responses.emplace_back().name = topic.name;
      for (const auto& partition : topic.partition_data) {
        const auto batch = kafka::RecordBatch::parse(partition.records->whole(), kafka::CheckCrc::yes);
        std::vector<std::string> values;
        for (kafka::RecordWalk walk(*batch, batch->payload()); walk.next();) values.emplace_back(*walk.record().value);
        const auto error = said_(partition.index, values);
        if (!error) return std::nullopt;
        auto& answer = response.responses.back().partition_responses.emplace_back();
        answer.index = partition.index;
        answer.error_code = *error;
        answer.base_offset = *error == 0 ? 7 : -1;
      }
    }
    return *kafka::response_frame(response, header);
  }

  const Said said_;
  std::atomic<int> requests_{0};
  std::mutex mutex_;
  FakePeer peer_;
};

TEST(RemoteProducerTries, again_what_may_be_taken_another_time_in_the_same_order) {
  for (const std::int16_t passing : {3, 5, 6, 7, 13, 19, 74, 75}) {
    std::vector<std::string> taken;
    std::atomic<int> refusals = 2;
    {
      const FakeBroker broker(1, [&](std::int32_t, const std::vector<std::string>& values) -> std::optional<std::int16_t> {
        if (refusals-- > 0) return passing;
        taken.insert(taken.end(), values.begin(), values.end());
        return 0;
      });
      Bus bus = open_remote(broker.address());
      Producer producer(bus, {{"retry.backoff.ms", "1"}});
      for (const char* value : {"a", "b", "c", "d"}) producer.send({.topic = "t", .value = value});
      producer.flush();
    }
    EXPECT_EQ(taken, (std::vector<std::string>{"a", "b", "c", "d"})) << passing;
  }
}

TEST(RemoteProducerTries, again_after_a_connection_that_was_lost_and_says_that_it_may_be_twice) {
  std::vector<std::string> seen;
  std::atomic<int> losses = 2;
  {
    const FakeBroker broker(1, [&](std::int32_t, const std::vector<std::string>& values) -> std::optional<std::int16_t> {
      seen.insert(seen.end(), values.begin(), values.end());
      if (losses-- > 0) return std::nullopt;
      return 0;
    });
    Bus bus = open_remote(broker.address());
    Producer producer(bus, {{"retry.backoff.ms", "1"}});
    EXPECT_EQ(producer.send_sync({.topic = "t", .value = "a"}).offset, 7);
    losses = 1;
    Producer once(bus, {{"retries", "0"}});
    expect_error([&] { once.send_sync({.topic = "t", .value = "b"}); }, ErrorCode::network_exception, {"closed"});
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "a", "a", "b"}));
}

TEST(RemoteProducerTries, not_again_what_is_in_the_log_already_or_never_will_be) {
  for (const std::int16_t final : {2, 20, 29, 56, 87}) {
    const FakeBroker broker(1, [&](std::int32_t, const std::vector<std::string>&) { return std::optional(final); });
    Bus bus = open_remote(broker.address());
    Producer producer(bus);
    const auto error = error_of([&] { producer.send_sync({.topic = "t", .value = "a"}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(static_cast<std::int16_t>(error->code), final);
    EXPECT_EQ(broker.requests(), 1);
  }
}

TEST(RemoteProducerTries, until_delivery_timeout_and_tells_what_the_broker_said_last) {
  const FakeBroker broker(1, [&](std::int32_t, const std::vector<std::string>&) { return std::optional<std::int16_t>(5); });
  Bus bus = open_remote(broker.address());
  Producer producer(bus, {{"delivery.timeout.ms", "100"}, {"retry.backoff.ms", "1"}});
  expect_error([&] { producer.send_sync({.topic = "t", .value = "a"}); }, ErrorCode::request_timed_out,
               {"delivery.timeout.ms", "leader_not_available", "may have been appended"});
  EXPECT_GT(broker.requests(), 1);
}

TEST(RemoteProducerTries, one_batch_of_a_partition_at_a_time_and_what_waits_behind_it_goes_as_one) {
  std::vector<std::size_t> sizes[2];
  std::atomic<bool> may_go{false};
  {
    const FakeBroker broker(2, [&](std::int32_t partition, const std::vector<std::string>& values) -> std::optional<std::int16_t> {
      if (partition == 0) wait_until([&] { return may_go.load(); });
      sizes[partition].push_back(values.size());
      return 0;
    });
    Bus bus = open_remote(broker.address());
    Producer producer(bus);
    producer.send({.topic = "t", .value = "first", .partition = 0});
    wait_until([&] { return broker.requests() == 1; });
    for (int i = 0; i < 50; ++i) {
      producer.send({.topic = "t", .value = std::string(1000, 'x'), .partition = 0});
      producer.send({.topic = "t", .value = std::string(1000, 'x'), .partition = 1});
    }
    may_go = true;
    producer.flush();
  }
  EXPECT_EQ(sizes[0], (std::vector<std::size_t>{1, 50}));
}

TEST(RemoteProducerTries, no_longer_than_request_timeout_for_one_answer) {
  const FakePeer silent([](int socket) {
    char byte;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  });
  const FakePeer broker(speaking_kafka([&](const kafka::RequestHeader& header, kafka::Reader&) -> std::optional<kafka::Bytes> {
    if (header.api_key == 18) {
      kafka::ApiVersionsResponse response;
      response.api_keys = {{0, 3, 7}, {3, 0, 8}, {18, 0, 3}};
      return *kafka::response_frame(response, header);
    }
    kafka::MetadataResponse response;
    response.brokers = {{0, "127.0.0.1", 1, std::nullopt}, {1, "127.0.0.1", silent.port(), std::nullopt}};
    auto& topic = response.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().leader_id = 1;
    return *kafka::response_frame(response, header);
  }));
  Bus bus = open_remote(broker.address());
  Producer producer(bus, {{"request.timeout.ms", "50"}, {"delivery.timeout.ms", "300"}, {"max.block.ms", "1000"}});
  expect_error([&] { producer.send_sync({.topic = "t", .value = "a"}); }, ErrorCode::request_timed_out,
               {"delivery.timeout.ms", "did not answer"});
}

}  // namespace
}  // namespace ringmain::test
