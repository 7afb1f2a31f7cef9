// A producer and a consumer as librdkafka's own performance tool has them.
#include "kafka/rdkafka.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "cli/exit.hpp"

namespace ringmain::bench {
namespace {

using tools::Failure;

constexpr int kPollMs = 100;
constexpr std::size_t kBatchRecords = 10'000;  // that are taken from the consumer's queue at once

std::unique_ptr<rd_kafka_t, RdCloser> open(rd_kafka_type_t type, rd_kafka_conf_t* settings) {
  std::array<char, 512> why{};
  rd_kafka_t* handle = ::rd_kafka_new(type, settings, why.data(), why.size());
  if (handle == nullptr) throw Failure(fmt::format("librdkafka: {}", why.data()));
  return std::unique_ptr<rd_kafka_t, RdCloser>(handle);
}

rd_kafka_conf_t* conf_of(const RdSettings& settings) {
  rd_kafka_conf_t* conf = ::rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    std::array<char, 512> why{};
    if (::rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw Failure(fmt::format("librdkafka: {}", why.data()));
  }
  return conf;
}

std::unique_ptr<rd_kafka_topic_t, RdCloser> topic_of(rd_kafka_t* handle, const std::string& name) {
  rd_kafka_topic_t* topic = ::rd_kafka_topic_new(handle, name.c_str(), nullptr);
  if (topic == nullptr) throw Failure(fmt::format("librdkafka: {}", ::rd_kafka_err2str(::rd_kafka_last_error())));
  return std::unique_ptr<rd_kafka_topic_t, RdCloser>(topic);
}

}  // namespace

std::string rd_version() { return ::rd_kafka_version_str(); }

RdProducer::RdProducer(const std::string& address, const std::string& topic, std::size_t record_bytes,
                       RdSettings settings)
    : value_(record_bytes, 'x') {
  settings.emplace_back("bootstrap.servers", address);
  rd_kafka_conf_t* conf = conf_of(settings);
  ::rd_kafka_conf_set_dr_msg_cb(conf, &RdProducer::delivered);
  ::rd_kafka_conf_set_opaque(conf, this);
  handle_ = open(RD_KAFKA_PRODUCER, conf);
  topic_ = topic_of(handle_.get(), topic);
}

void RdProducer::delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* producer) {
  auto& own = *static_cast<RdProducer*>(producer);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) own.error_ = ::rd_kafka_err2str(message->err);
  ++own.acknowledged_;
}

void RdProducer::check() const {
  if (!error_.empty()) throw Failure("a record was not delivered: " + error_);
}

void RdProducer::send(uint64_t count) {
  const uint64_t last = acknowledged_ + count;
  for (uint64_t i = 0; i < count;) {
    if (::rd_kafka_produce(topic_.get(), 0, RD_KAFKA_MSG_F_COPY, value_.data(), value_.size(), nullptr, 0, nullptr) == 0) {
      ++i;
      ::rd_kafka_poll(handle_.get(), 0);
    } else if (errno == ENOBUFS) {
      ::rd_kafka_poll(handle_.get(), kPollMs);  // its queue is full
    } else {
      throw Failure(fmt::format("librdkafka: {}", ::rd_kafka_err2str(::rd_kafka_last_error())));
    }
    check();
  }
  while (acknowledged_ < last) {  // ends: each is delivered, or fails after message.timeout.ms
    ::rd_kafka_poll(handle_.get(), kPollMs);
    check();
  }
}

void rd_consume(const std::string& address, const std::string& topic, std::size_t record_bytes, uint64_t count,
                const RdSettings& settings) {
  RdSettings all = settings;
  all.emplace_back("bootstrap.servers", address);
  const auto handle = open(RD_KAFKA_CONSUMER, conf_of(all));
  const auto log = topic_of(handle.get(), topic);
  if (::rd_kafka_consume_start(log.get(), 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
    throw Failure(fmt::format("librdkafka: {}", ::rd_kafka_err2str(::rd_kafka_last_error())));
  std::vector<rd_kafka_message_t*> batch(kBatchRecords);
  for (uint64_t next = 0; next < count;) {
    const ssize_t got = ::rd_kafka_consume_batch(log.get(), 0, kPollMs, batch.data(), batch.size());
    for (ssize_t i = 0; i < got; ++i) {
      const rd_kafka_message_t& message = *batch[static_cast<std::size_t>(i)];
      const bool is_next = message.err == RD_KAFKA_RESP_ERR_NO_ERROR && message.len == record_bytes &&
                           message.offset == static_cast<int64_t>(next);
      if (!is_next && message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        throw Failure(fmt::format("offset {} was expected, {} came: {}", next, message.offset, ::rd_kafka_err2str(message.err)));
      next += is_next ? 1 : 0;
      ::rd_kafka_message_destroy(batch[static_cast<std::size_t>(i)]);
    }
  }
  ::rd_kafka_consume_stop(log.get(), 0);
}

}  // namespace ringmain::bench
