// Consumers over TCP in a cluster whose partitions change their leaders: two brokers of few words, each with a part of
// the log.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "bus_fixture.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/generated/api_versions.hpp"
#include "kafka/generated/fetch.hpp"
#include "kafka/generated/list_offsets.hpp"
#include "kafka/generated/metadata.hpp"
#include "unit/client/fake_peer.hpp"

namespace ringmain::test {
namespace {

constexpr std::int16_t kNotLeader = 6;
constexpr std::uint16_t kNobody = 1;  // a port

class Pair {
 public:
  explicit Pair(std::int64_t records_each) : records_each_(records_each) {
    for (int id : {0, 1}) ports_[id] = peers_[id].port();
  }

  std::string bootstrap() const { return peers_[0].address(); }
  // The other one has the records that follow.
  void move() { leader_ = 1; }
  // The other one is said to be where nobody listens, until it is back.
  void hide() { ports_[1] = kNobody; }
  void come_back() { ports_[1] = peers_[1].port(); }
  std::atomic<int> questions{0};  // where everybody is
  std::atomic<int> refusals{0};  // to fetch: it is not the leader

 private:
  std::optional<kafka::Bytes> answer(int id, const kafka::RequestHeader& header, kafka::Reader& body) {
    switch (header.api_key) {
      case kafka::ApiVersionsRequest::api_key:
        return *kafka::response_frame(
            kafka::ApiVersionsResponse{.api_keys = {{1, 4, 11}, {2, 1, 5}, {3, 4, 9}, {18, 0, 3}}}, header);
      case kafka::MetadataRequest::api_key:
        ++questions;
        return *kafka::response_frame(metadata(), header);
      case kafka::ListOffsetsRequest::api_key: {
        kafka::ListOffsetsResponse response;
        response.topics.emplace_back().name = "t";
        response.topics[0].partitions.emplace_back().offset = 0;
        return *kafka::response_frame(response, header);
      }
      default:
        return fetch(id, header, body);
    }
  }

  kafka::MetadataResponse metadata() const {
    kafka::MetadataResponse response;
    response.brokers = {{0, "127.0.0.1", ports_[0], std::nullopt}, {1, "127.0.0.1", ports_[1], std::nullopt}};
    auto& topic = response.topics.emplace_back();
    topic.name = "t";
    topic.partitions.emplace_back().leader_id = leader_;
    return response;
  }

  kafka::Bytes fetch(int id, const kafka::RequestHeader& header, kafka::Reader& body) {
    const auto request = kafka::FetchRequest::decode(body, header.api_version);
    const std::int64_t offset = request->topics.at(0).partitions.at(0).fetch_offset;
    kafka::FetchResponse response;
    response.responses.emplace_back().topic = "t";
    auto& partition = response.responses[0].partitions.emplace_back();
    partition.high_watermark = (leader_ + 1) * records_each_;
    kafka::Bytes batch;  // while it is sent
    if (id != leader_) {
      ++refusals;
      partition.error_code = kNotLeader;
    } else if (offset < partition.high_watermark) {
      kafka::BatchBuilder builder;
      const std::string value = "from broker " + std::to_string(id);
      builder.add({0, 1'700'000'000'000, std::nullopt, value});
      batch = builder.finish();
      kafka::stamp_offset(batch, offset, 0);
      partition.records = kafka::Records(batch);
    } else {
      ::usleep(5000);  // as one waits for more
    }
    return *kafka::response_frame(response, header);
  }

  FakePeer::Serve serve(int id) {
    return speaking_kafka([this, id](const kafka::RequestHeader& header, kafka::Reader& body) {
      return answer(id, header, body);
    });
  }

  const std::int64_t records_each_;
  std::atomic<std::int32_t> leader_{0};
  std::atomic<std::uint16_t> ports_[2] = {};
  const FakePeer peers_[2] = {FakePeer(serve(0)), FakePeer(serve(1))};
};

TEST(MovingLeader, reading_goes_on_at_the_next_one_without_a_gap) {
  Pair pair(3);
  BusOptions options;
  options.bootstrap = pair.bootstrap();
  Bus bus = Bus::open(options);
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  consumer.assign({{"t", 0}});
  std::vector<std::string> read;
  while (read.size() < 6) {
    for (const ConsumerRecord& record : consumer.poll(kForever)) {
      EXPECT_EQ(record.offset, static_cast<std::int64_t>(read.size()));
      read.emplace_back(record.value.value());
    }
    if (read.size() == 3) pair.move();
  }
  EXPECT_EQ(read, (std::vector<std::string>{"from broker 0", "from broker 0", "from broker 0", "from broker 1",
                                            "from broker 1", "from broker 1"}));
  EXPECT_GT(pair.refusals, 0) << "nobody but the broker says that it has moved";
}

TEST(MovingLeader, one_that_starts_again_at_another_address_is_found_there) {
  Pair pair(1);
  pair.hide();
  pair.move();
  BusOptions options;
  options.bootstrap = pair.bootstrap();
  Bus bus = Bus::open(options);
  Consumer consumer(bus, {{"auto.offset.reset", "earliest"}});
  std::thread operation([&] {
    wait_until([&] { return pair.questions >= 3; });  // it was looked for again and again
    pair.come_back();
  });
  consumer.assign({{"t", 0}});  // waits until it is known where that begins
  EXPECT_EQ(consumer.poll(kForever).begin()->value, "from broker 1");
  operation.join();
}

}  // namespace
}  // namespace ringmain::test
