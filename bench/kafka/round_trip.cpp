// One record at a time, from produce to its acknowledgement (acks=1): by librdkafka; by a socket that sends a
// request made beforehand and waits for the answer, which leaves the client library's own delays out; and the limit,
// as many bytes to and fro between two processes over TCP. All take turns in each run; whoever asks is on one core, and
// whoever answers on another, since a process that is woken on the same core is there sooner.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>

#include "base/clock.hpp"
#include "client/remote_greeting.hpp"
#include "cli/exit.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/figures.hpp"
#include "kafka/frame.hpp"
#include "kafka/generated/produce.hpp"
#include "kafka/rdkafka.hpp"
#include "metrics/histogram.hpp"
#include "net/endpoint.hpp"
#include "net/tcp_connect.hpp"
#include "os/host.hpp"
#include "perf/broker_threads.hpp"
#include "perf/child.hpp"
#include "perf/placement.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;
using tools::value_or_throw;

constexpr const char* kTopic = "bench";
constexpr int16_t kProduceVersion = 7;  // librdkafka's
constexpr std::size_t kAnswerMaxBytes = 4096;
constexpr int64_t kTimeLimitNs = 10'000'000'000;

template <class Trip>
tools::Percentiles time_of(uint64_t count, const Trip& trip) {
  for (uint64_t i = 0; i < count / 10; ++i) trip();
  const auto histogram = std::make_unique<metrics::Histogram>();
  for (uint64_t i = 0; i < count; ++i) {
    const int64_t begin_ns = now_steady_ns();
    trip();
    histogram->record(static_cast<uint64_t>(now_steady_ns() - begin_ns));
  }
  return tools::percentiles_of(*histogram);
}

// Until all of it is there, or the other side has ended.
bool receive_all(int socket, std::span<std::byte> into) {
  return ::recv(socket, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
}
void send_all(int socket, std::span<const std::byte> bytes) {
  if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw Failure("the socket took only a part, or broke");
}

kafka::Bytes produce_frame(uint64_t record_bytes) {
  const std::string value(record_bytes, 'x');
  kafka::BatchBuilder builder;
  builder.add({0, 0, std::nullopt, value});
  const kafka::Bytes batch = builder.finish();
  kafka::ProduceRequest request;
  request.acks = 1;
  request.timeout_ms = 10'000;
  request.topic_data = {{kTopic, {{0, kafka::Records(batch)}}}};
  return value_or_throw(kafka::request_frame(request, {kProduceVersion, 1, "bench"}));
}

// A socket that waits.
os::UniqueFd connect(const std::string& address) {
  auto socket = value_or_throw(
      net::connect_tcp(value_or_throw(net::parse_endpoint(address)), os::Deadline::after_ns(kTimeLimitNs)));
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) & ~O_NONBLOCK);
  return socket;
}

// The answer without its size.
kafka::Bytes receive_frame(int socket) {
  std::array<std::byte, kafka::kFrameSizeBytes> size{};
  if (!receive_all(socket, size)) throw Failure("the broker closed the connection");
  kafka::Bytes answer(value_or_throw(kafka::frame_size_bytes(size, kAnswerMaxBytes)));
  if (!receive_all(socket, answer)) throw Failure("the broker closed the connection");
  return answer;
}

class BareProducer {
 public:
  BareProducer(const std::string& address, uint64_t record_bytes)
      : socket_(connect(address)), frame_(produce_frame(record_bytes)) {}

  // Gives the bytes of the answer.
  std::size_t send() {
    send_all(socket_.get(), frame_);
    const kafka::Bytes answer = receive_frame(socket_.get());
    const auto response =
        value_or_throw(kafka::decode_response<kafka::ProduceResponse>(answer, {kProduceVersion, 1, "bench"}));
    if (response.responses.at(0).partition_responses.at(0).error_code != 0) throw Failure("a record was refused");
    return kafka::kFrameSizeBytes + answer.size();
  }
  std::size_t request_bytes() const noexcept { return frame_.size(); }

 private:
  os::UniqueFd socket_;
  kafka::Bytes frame_;
};

// Answers each message with another one, until its peer is gone.
class Echo {
 public:
  Echo(std::size_t request_bytes, std::size_t answer_bytes, int core)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), request_(request_bytes), answer_(answer_bytes) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(any);
    auto* address = reinterpret_cast<sockaddr*>(&any);
    if (::bind(listener_.get(), address, size) != 0 || ::listen(listener_.get(), 1) != 0 ||
        ::getsockname(listener_.get(), address, &size) != 0)
      throw Exception(fail_errno("cannot listen").value());
    address_ = "127.0.0.1:" + std::to_string(ntohs(any.sin_port));
    child_ = std::make_unique<tools::Child>("the echo", [this, core] {
      value_or_throw(os::pin_to_core(core));
      serve();
    });
  }

  void trip() {
    if (!socket_) socket_ = connect(address_);
    send_all(socket_.get(), request_);
    if (!receive_all(socket_.get(), answer_)) child_->check();
  }

 private:
  void serve() {
    const os::UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
    const int on = 1;
    ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    while (receive_all(peer.get(), request_)) send_all(peer.get(), answer_);
  }

  os::UniqueFd listener_, socket_;
  kafka::Bytes request_, answer_;
  std::string address_;
  std::unique_ptr<tools::Child> child_;
};

// This thread, and those that it starts, until the end of the scope.
class StayOn {
 public:
  explicit StayOn(int core) {
    CPU_ZERO(&before_);
    ::sched_getaffinity(0, sizeof(before_), &before_);
    value_or_throw(os::pin_to_core(core));
  }
  ~StayOn() { ::sched_setaffinity(0, sizeof(before_), &before_); }
  StayOn(const StayOn&) = delete;
  StayOn& operator=(const StayOn&) = delete;

 private:
  cpu_set_t before_{};
};

}  // namespace

RoundTrips measure_round_trips(const KafkaBroker& broker, const KafkaPlan& plan, uint64_t record_bytes) {
  const std::vector<int> cores = tools::place(2, plan.cores);
  broker.create_topic(kTopic);
  BareProducer bare(broker.address(), record_bytes);
  Echo echo(bare.request_bytes(), bare.send(), cores[1]);  // forks: before librdkafka has threads
  tools::BrokerThreads threads(broker.pid());
  threads.pin(cores[1]);
  const StayOn asker(cores[0]);
  RdProducer library(broker.address(), kTopic, record_bytes,
                     {{"acks", "1"}, {"linger.ms", "0"}, {"socket.nagle.disable", "true"}});
  std::vector<tools::Percentiles> limits, bares, libraries;
  for (uint32_t run = 0; run < plan.runs; ++run) {
    limits.push_back(time_of(plan.round_trips, [&] { echo.trip(); }));
    bares.push_back(time_of(plan.round_trips, [&] { bare.send(); }));
    libraries.push_back(time_of(plan.round_trips, [&] { library.send(1); }));
  }
  broker.delete_topic(kTopic);
  return {tools::median_of(limits), tools::median_of(bares), tools::median_of(libraries)};
}

}  // namespace ringmain::bench
