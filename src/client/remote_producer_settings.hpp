// The settings of a producer over TCP, by Kafka's names and with the defaults of its Java client,
// but for acks, which is 1 as for a producer of a bus on this host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "client/config.hpp"
#include "kafka/compression.hpp"

namespace ringmain::client {

struct RemoteProducerSettings {
  // Throws Exception(invalid_config).
  static RemoteProducerSettings read(const Config& config);

  std::int16_t acks = 1;  // as on the wire: -1 is all
  std::string partitioner;
  std::string client_id;  // empty: the bus's
  kafka::Compression codec = kafka::Compression::none;
  std::int64_t linger_ns = 0;
  std::size_t batch_bytes = 0;        // batch.size
  std::size_t request_max_bytes = 0;  // max.request.size
  std::size_t buffer_bytes = 0;       // buffer.memory
  std::size_t in_flight_max = 0;      // requests of one connection
  std::int64_t max_block_ns = 0;
  std::int64_t delivery_timeout_ns = 0;
  std::int64_t request_timeout_ns = 0;
  std::int64_t metadata_max_age_ns = 0;
  std::int32_t retries = 0;
  std::int64_t backoff_ns = 0;
  std::int64_t backoff_max_ns = 0;
};

// How long to wait before the next try, after so many that failed.
std::int64_t backoff_ns(const RemoteProducerSettings& settings, int failures) noexcept;

}  // namespace ringmain::client
