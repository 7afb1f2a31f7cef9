#include "client/remote_producer_settings.hpp"

#include <algorithm>
#include <limits>

namespace ringmain::client {
namespace {

constexpr std::int64_t kMaxMs = INT64_MAX / 2'000'000;
constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kCompressedLingerMs = 5;  // unless the user says otherwise
constexpr std::int64_t kMaxBytes = 1 << 30;      // a request says its size in 31 bits

class Reading {
 public:
  explicit Reading(const Config& config)
      : settings_(config, "producer",
                  {"acks", "ack.durability", "batch.size", "buffer.memory", "client.id",
                   "compression.type", "delivery.timeout.ms", "linger.ms", "max.block.ms",
                   "max.in.flight.requests.per.connection", "max.request.size",
                   "metadata.max.age.ms", "partitioner", "request.timeout.ms", "retries",
                   "retry.backoff.max.ms", "retry.backoff.ms"}) {}

  RemoteProducerSettings all(const Config& config) const {
    refuse_local();
    RemoteProducerSettings read;
    const std::string acks = settings_.choice("acks", "1", {"0", "1", "all", "-1"});
    read.acks = acks == "0" ? 0 : acks == "1" ? 1 : -1;
    read.partitioner = settings_.choice("partitioner", "murmur2",
                                        {"murmur2", "crc32", "round-robin", "random", "sticky"});
    read.client_id = client_id_of(config);
    read.codec = codec();
    std::int64_t linger_ms = settings_.number("linger.ms", 0, 0, kMaxMs);
    if (read.codec != kafka::Compression::none && !settings_.has("linger.ms"))
      linger_ms = kCompressedLingerMs;
    read.linger_ns = linger_ms * kNsPerMs;
    read.batch_bytes =
        static_cast<std::size_t>(settings_.number("batch.size", 16384, 0, kMaxBytes));
    read.request_max_bytes =
        static_cast<std::size_t>(settings_.number("max.request.size", 1'048'576, 1, kMaxBytes));
    read.buffer_bytes = static_cast<std::size_t>(
        settings_.number("buffer.memory", 33'554'432, 1, INT64_MAX / 2));
    read.in_flight_max = static_cast<std::size_t>(
        settings_.number("max.in.flight.requests.per.connection", 5, 1, INT32_MAX));
    read.max_block_ns = settings_.number("max.block.ms", 60'000, 0, kMaxMs) * kNsPerMs;
    read.delivery_timeout_ns =
        settings_.number("delivery.timeout.ms", 120'000, 0, kMaxMs) * kNsPerMs;
    read.request_timeout_ns =
        settings_.number("request.timeout.ms", 30'000, 1, INT32_MAX) * kNsPerMs;
    read.metadata_max_age_ns =
        settings_.number("metadata.max.age.ms", 300'000, 0, kMaxMs) * kNsPerMs;
    read.retries =
        static_cast<std::int32_t>(settings_.number("retries", 2'147'483'647, 0, INT32_MAX));
    read.backoff_ns = settings_.number("retry.backoff.ms", 100, 0, kMaxMs) * kNsPerMs;
    read.backoff_max_ns = settings_.number("retry.backoff.max.ms", 1'000, 0, kMaxMs) * kNsPerMs;
    return read;
  }

 private:
  void refuse_local() const {
    if (settings_.choice("ack.durability", "topic", {"topic", "memory", "disk"}) == "topic") return;
    throw Exception(
        {ErrorCode::invalid_config,
         "ack.durability: a producer over TCP cannot choose what an acknowledgement waits for, since "
         "Kafka's protocol has no word for it: with acks=all the topic's own ack.durability holds"});
  }

  kafka::Compression codec() const {
    const std::string name = settings_.choice("compression.type", "none",
                                              {"none", "gzip", "snappy", "lz4", "zstd"});
    for (const auto codec : {kafka::Compression::gzip, kafka::Compression::snappy,
                             kafka::Compression::lz4, kafka::Compression::zstd})
      if (name == kafka::compression_name(codec)) return codec;
    return kafka::Compression::none;
  }

  const ConfigReader settings_;
};

}  // namespace

RemoteProducerSettings RemoteProducerSettings::read(const Config& config) {
  return Reading(config).all(config);
}

std::int64_t backoff_ns(const RemoteProducerSettings& settings, int failures) noexcept {
  constexpr int kMostDoublings = 20;
  const std::int64_t most = std::max(settings.backoff_ns, settings.backoff_max_ns);
  std::int64_t wait = settings.backoff_ns;
  for (int i = 1; i < std::min(failures, kMostDoublings) && wait < most; ++i) wait *= 2;
  return std::min(wait, most);
}

}  // namespace ringmain::client
