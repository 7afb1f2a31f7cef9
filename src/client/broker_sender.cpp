#include "client/broker_sender.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/clock.hpp"
#include "client/remote_leaders.hpp"
#include "kafka/compression.hpp"
#include "os/poll.hpp"

namespace ringmain::client {
namespace {

constexpr Versions kFormat2{3, kafka::ProduceRequest::max_version};
constexpr std::int16_t kZstdSince = 7;
constexpr std::int64_t kConnectNs = 10'000'000'000;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int16_t kBrokerNotAvailable = 8;
constexpr std::int16_t kNotEnoughReplicas = 19;  // and nothing was appended

// Whether the same batch may be taken another time. What the broker knows to be in its log already
// is not sent again: not_enough_replicas_after_append (20), and kafka_storage_error, by which a
// broker of ours tells of a disk that is full.
bool is_passing(std::int16_t error) noexcept {
  switch (static_cast<ErrorCode>(error)) {
    case ErrorCode::unknown_topic_or_partition:
    case ErrorCode::request_timed_out:
    case ErrorCode::network_exception:
      return true;
    default:
      return is_about_leader(error) || error == kBrokerNotAvailable || error == kNotEnoughReplicas;
  }
}

}  // namespace

BrokerSender::BrokerSender(std::int32_t broker, Outbox& outbox, RemoteTopics& topics,
                           std::string client_id, const RemoteProducerSettings& settings)
    : broker_(broker),
      outbox_(outbox),
      topics_(topics),
      client_id_(std::move(client_id)),
      settings_(settings),
      wake_(Wake::make()) {
  outbox_.attach(broker_, wake_);
  thread_ = std::thread([this] { run(); });
}

BrokerSender::~BrokerSender() {
  wake_.stop();
  thread_.join();
}

void BrokerSender::run() {
  while (!wake_.stopping) {
    const bool takes_more = sent_.size() < settings_.in_flight_max;
    std::int64_t until_ns = takes_more ? outbox_.next_due_ns(broker_, now_steady_ns()) : INT64_MAX;
    if (until_ns <= now_steady_ns()) {
      if (connection_)
        send_ready();
      else
        connect();
      continue;
    }
    if (!sent_.empty()) until_ns = std::min(until_ns, sent_.front().give_up_ns);
    if (!connection_) {
      os::wait_ready(wake_.bell.fd(), POLLIN, os::Deadline::at_steady_ns(until_ns));
      wake_.bell.drain();
    } else if (const Status exchanged = exchange(until_ns); !exchanged) {
      fail_all(exchanged.error());
    }
  }
}

void BrokerSender::connect() {
  const auto endpoint = topics_.endpoint(broker_);
  const std::int64_t timeout_ns = std::min(kConnectNs, settings_.request_timeout_ns);
  auto opened = endpoint ? PipelinedConnection::open(*endpoint, client_id_, wake_,
                                                     os::Deadline::after_ns(timeout_ns))
                         : fail(ErrorCode::broker_unavailable,
                                fmt::format("nobody knows where broker {} is", broker_));
  if (opened) {
    connection_.emplace(std::move(*opened));
    connect_failures_ = 0;
    return;
  }
  outbox_.note_trouble(broker_, opened.error());
  topics_.refresh();  // perhaps it leads nothing any more, or is elsewhere
  const auto again = os::Deadline::after_ns(backoff_ns(settings_, ++connect_failures_));
  while (!wake_.stopping && again.poll_timeout_ms() != 0) {
    os::wait_ready(wake_.bell.fd(), POLLIN, again);
    wake_.bell.drain();
  }
}

// The connection may have ended since it was used last: better noticed before a batch is on its way.
void BrokerSender::send_ready() {
  Status sent = exchange(0);
  if (sent) {
    Batches batches = outbox_.take(broker_, now_steady_ns());
    seal(batches);
    if (!batches.empty()) sent = send(std::move(batches));
  }
  if (!sent) fail_all(sent.error());
}

// Checksums and compression are this thread's work, not the user's.
void BrokerSender::seal(Batches& batches) {
  for (Outbox::BatchPointer& batch : batches) {
    if (!batch->bytes.empty()) continue;
    auto bytes = kafka::compressed(batch->builder.finish(), settings_.codec);
    if (bytes)
      batch->bytes = std::move(*bytes);
    else
      outbox_.failed(std::move(batch), bytes.error(), Outbox::Again::no, now_steady_ns());
  }
  std::erase(batches, nullptr);
}

Status BrokerSender::send(Batches batches) {
  // Until it is encoded, it belongs to nobody but us: what fails here fails for good.
  const auto refuse = [&](const Error& error) {
    for (auto& batch : batches)
      outbox_.failed(std::move(batch), error, Outbox::Again::no, now_steady_ns());
    return Status();
  };
  const auto version = connection_->best_version(kafka::ProduceRequest::api_key, kFormat2);
  if (!version) return refuse(version.error());
  if (settings_.codec == kafka::Compression::zstd && *version < kZstdSince)
    return refuse({ErrorCode::unsupported_compression_type,
                   fmt::format("broker {} is too old for compression.type=zstd",
                               net::to_string(connection_->endpoint()))});
  kafka::ProduceRequest request;
  request.acks = settings_.acks;
  // The broker is to tell that it could not before we give up on its answer.
  request.timeout_ms =
      static_cast<std::int32_t>(settings_.request_timeout_ns / 10 * 9 / kNsPerMs);
  std::map<std::string_view, std::size_t> topics;
  for (const auto& batch : batches) {
    const auto [found, is_new] =
        topics.try_emplace(batch->partition().topic, request.topic_data.size());
    if (is_new) request.topic_data.emplace_back().name = batch->partition().topic;
    auto& partition = request.topic_data[found->second].partition_data.emplace_back();
    partition.index = batch->partition().partition;
    partition.records = kafka::Records(batch->bytes);
  }
  const kafka::RequestOptions options{*version, next_correlation_++ & 0x7fffffff, client_id_};
  auto frame = kafka::cut_request_frame(request, options);
  if (!frame) return refuse(frame.error());
  connection_->send(std::move(*frame));
  sent_.push_back({options, now_steady_ns() + settings_.request_timeout_ns, std::move(batches)});
  return exchange(0);
}

// ---- answers

Status BrokerSender::exchange(std::int64_t until_ns) {
  RINGMAIN_TRY(connection_->wait(wake_, os::Deadline::at_steady_ns(until_ns)));
  RINGMAIN_TRY(receive());
  if (settings_.acks == 0 && connection_->unsent_bytes() == 0) {  // no answer comes
    for (; !sent_.empty(); sent_.pop_front())
      for (auto& batch : sent_.front().batches) outbox_.acknowledged(std::move(batch), -1, -1);
  }
  if (!sent_.empty() && sent_.front().give_up_ns <= now_steady_ns())
    return fail(ErrorCode::request_timed_out,
                fmt::format("{} did not answer within request.timeout.ms",
                            net::to_string(connection_->endpoint())));
  return {};
}

Status BrokerSender::receive() {
  for (;;) {
    RINGMAIN_TRY_ASSIGN(answer, connection_->next_answer());
    if (!answer) return {};
    // What is not sent wholly is still needed, and nobody can have understood it.
    if (sent_.size() <= connection_->unsent_frames())
      return fail(ErrorCode::network_exception,
                  fmt::format("{} answered what it was not asked",
                              net::to_string(connection_->endpoint())));
    RINGMAIN_TRY_ASSIGN(response, kafka::decode_response<kafka::ProduceResponse>(
                                      *answer, sent_.front().options));
    Request request = std::move(sent_.front());
    sent_.pop_front();
    settle(std::move(request), response);
  }
}

void BrokerSender::settle(Request request, const kafka::ProduceResponse& response) {
  std::map<std::pair<std::string_view, std::int32_t>,
           const kafka::ProduceResponse::PartitionResponse*>
      answers;
  for (const auto& topic : response.responses)
    for (const auto& partition : topic.partition_responses)
      answers[{topic.name, partition.index}] = &partition;
  for (auto& batch : request.batches) {
    const auto found = answers.find({batch->partition().topic, batch->partition().partition});
    settle(std::move(batch), found == answers.end() ? nullptr : found->second);
  }
}

void BrokerSender::settle(Outbox::BatchPointer batch,
                          const kafka::ProduceResponse::PartitionResponse* answer) {
  const std::int64_t now_ns = now_steady_ns();
  const TopicPartition partition = batch->partition();
  if (answer == nullptr)
    return outbox_.failed(std::move(batch),
                          {ErrorCode::invalid_state,
                           fmt::format("the broker said nothing about partition {}-{}",
                                       partition.topic, partition.partition)},
                          Outbox::Again::no, now_ns);
  if (answer->error_code == 0)
    return outbox_.acknowledged(std::move(batch), answer->base_offset, answer->log_append_time_ms);
  Error error = partition_error(answer->error_code, partition, "append to");
  if (answer->error_message && !answer->error_message->empty())
    error.message = fmt::format("{}-{}: {}", partition.topic, partition.partition, *answer->error_message);
  const bool is_about_topic =
      error.code == ErrorCode::unknown_topic_or_partition || is_about_leader(answer->error_code);
  if (is_about_topic) topics_.refresh();
  if (error.code == ErrorCode::message_too_large)
    return outbox_.too_large(std::move(batch), error, now_ns);
  outbox_.failed(std::move(batch), error,
                 is_passing(answer->error_code) ? Outbox::Again::yes : Outbox::Again::no, now_ns);
}

// The connection is of no use any more; nobody knows what became of what was on its way.
void BrokerSender::fail_all(const Error& error) {
  connection_.reset();
  outbox_.note_trouble(broker_, error);
  topics_.refresh();
  const std::int64_t now_ns = now_steady_ns();
  std::deque<Request> lost = std::exchange(sent_, {});
  for (Request& request : lost)
    for (auto& batch : request.batches)
      outbox_.failed(std::move(batch), {ErrorCode::network_exception, error.message},
                     Outbox::Again::yes, now_ns);
}

}  // namespace ringmain::client
