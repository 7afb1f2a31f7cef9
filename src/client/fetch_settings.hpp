// The settings of a consumer that fetches its records over TCP, by Kafka's names and with the
// defaults of its Java client.
#pragma once

#include <cstdint>

#include "client/config.hpp"

namespace ringmain::client {

struct FetchSettings {
  std::int32_t min_bytes = 1;
  std::int32_t max_wait_ms = 500;
  std::int32_t max_bytes = 52'428'800;  // of one answer
  std::int32_t partition_max_bytes =
      1'048'576;  // of one partition in it; a larger batch comes alone

  // Throws Exception(invalid_config): also for what only a consumer on the bus's host can do.
  static FetchSettings read(const Config& config, const ConfigReader& reader);
  // Throws Exception(invalid_config) where one of these is set: nothing is fetched on the bus's
  // host.
  static void refuse(const Config& config);
};

}  // namespace ringmain::client
