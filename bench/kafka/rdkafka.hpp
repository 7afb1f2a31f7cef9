// librdkafka, as far as it is measured: its C interface behind owners. Throws Failure.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ringmain::bench {

using RdSettings = std::vector<std::pair<std::string, std::string>>;

struct RdCloser {
  void operator()(rd_kafka_t* handle) const noexcept { ::rd_kafka_destroy(handle); }
  void operator()(rd_kafka_topic_t* topic) const noexcept { ::rd_kafka_topic_destroy(topic); }
};

// Sends records of one size to partition 0 of a topic. One thread.
class RdProducer {
 public:
  RdProducer(const std::string& address, const std::string& topic, std::size_t record_bytes, RdSettings settings);

  // Sends so many, and waits until each has its delivery report.
  void send(uint64_t count);

 private:
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* producer);
  void check() const;

  uint64_t acknowledged_ = 0;
  std::string error_;
  std::string value_;
  std::unique_ptr<rd_kafka_t, RdCloser> handle_;
  std::unique_ptr<rd_kafka_topic_t, RdCloser> topic_;
};

// Reads partition 0 of a topic from its begin: returns when it has so many records of this size.
void rd_consume(const std::string& address, const std::string& topic, std::size_t record_bytes, uint64_t count,
                const RdSettings& settings);

std::string rd_version();

}  // namespace ringmain::bench
