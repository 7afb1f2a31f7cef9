// Whose name stands in the requests that clients make: seen by a broker that only listens.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <thread>

#include "bus_fixture.hpp"
#include "format/readers.hpp"
#include "kafka/frame.hpp"
#include "kafka/generated/hello.hpp"
#include "kafka/generated/metadata.hpp"
#include "os/eventfd.hpp"
#include "os/file.hpp"
#include "os/unix_socket.hpp"

namespace ringmain::test {
namespace {

// Greets one client, knows no topic, and notes who asks for which API.
class ListeningBroker {
 public:
  ListeningBroker() : directory_(*os::open_directory(scratch_.path())) {
    socket_ = std::move(*os::listen_unix_at(directory_.get(), "broker.sock"));
    thread_ = std::thread([this] { serve(); });
  }
  ~ListeningBroker() { thread_.join(); }  // when the client has gone

  BusOptions options() const {
    BusOptions options;
    options.directory = scratch_.path();
    options.autostart = false;
    options.client_id = "process";
    return options;
  }
  using Asked = std::set<std::pair<std::int16_t, std::string>>;
  Asked asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static constexpr std::uint64_t kBellsBytes = sizeof(format::Doorbell) * format::kMaxParticipants;

  void serve() {
    const os::UniqueFd client = std::move(*os::accept_unix(socket_.get()));
    std::vector<os::UniqueFd> fds;
    for (;;) {  // a request a turn, until the client goes
      std::array<std::byte, 4> size{};
      if (!os::recv_fully(client.get(), size, fds)) return;
      kafka::Bytes message(*kafka::frame_size_bytes(size, 1 << 20));
      if (!os::recv_fully(client.get(), message, fds)) return;
      kafka::Reader reader(message);
      const kafka::RequestHeader header = *kafka::RequestHeader::decode(reader);
      {
        const std::lock_guard lock(mutex_);
        asked_.emplace(header.api_key, header.client_id.value_or(""));
      }
      if (header.api_key == kafka::HelloRequest::api_key)
        greet(client.get(), header);
      else
        know_nothing(client.get(), header,
                     *kafka::MetadataRequest::decode(reader, header.api_version));
    }
  }

  void greet(int client, const kafka::RequestHeader& header) {
    kafka::HelloResponse response;
    response.participant_id = 1;
    response.participant_nonce = 1;
    response.doorbells_bytes = static_cast<std::int64_t>(kBellsBytes);
    const auto frame = kafka::response_frame(response, header);
    const os::UniqueFd life = os::memory_file(1);
    const int fds[] = {bells_.get(), bell_.fd(), life.get()};
    ASSERT_TRUE(os::send_with_fds(client, *frame, fds));
  }

  static void know_nothing(int client, const kafka::RequestHeader& header,
                           const kafka::MetadataRequest& request) {
    kafka::MetadataResponse response;
    if (request.topics) {
      for (const auto& asked : *request.topics) {
        auto& topic = response.topics.emplace_back();
        topic.name = asked.name;
        topic.error_code = static_cast<std::int16_t>(ErrorCode::unknown_topic_or_partition);
      }
    }
    const auto frame = kafka::response_frame(response, header);
    ASSERT_TRUE(os::send_with_fds(client, *frame, {}));
  }

  os::ScratchDirectory scratch_;
  os::UniqueFd directory_, socket_;
  os::UniqueFd bells_ = os::memory_file(kBellsBytes);
  os::EventFd bell_ = std::move(*os::EventFd::create());
  mutable std::mutex mutex_;
  Asked asked_;
  std::thread thread_;
};

TEST(ClientId, of_a_producer_and_a_consumer_stands_in_their_requests) {
  ListeningBroker broker;
  Bus bus = Bus::open(broker.options());
  const std::int16_t hello = kafka::HelloRequest::api_key,
                     metadata = kafka::MetadataRequest::api_key;
  EXPECT_EQ(broker.asked(), (ListeningBroker::Asked{{hello, "process"}}));
  expect_error(
      [&] {
        Producer(bus, {{"client.id", "billing"}}).send({.topic = "log"});
      },
      ErrorCode::unknown_topic_or_partition);
  expect_error(
      [&] {
        Consumer(bus, {{"client.id", "reporting"}}).subscribe({"log"});
      },
      ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(
      broker.asked(),
      (ListeningBroker::Asked{{hello, "process"}, {metadata, "billing"}, {metadata, "reporting"}}));
  expect_error([&] { Producer(bus).send({.topic = "log"}); },
               ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(broker.asked().contains({metadata, "process"}))
      << "who has no name of its own asks in the bus's";
}

}  // namespace
}  // namespace ringmain::test
