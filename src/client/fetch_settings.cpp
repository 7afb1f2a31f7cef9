#include "client/fetch_settings.hpp"

#include <fmt/format.h>

namespace ringmain::client {

FetchSettings FetchSettings::read(const Config& config, const ConfigReader& reader) {
  if (const auto wait = config.find("wait.strategy");
      wait != config.end() && wait->second != "sleep")
    throw Exception({ErrorCode::invalid_config,
                     fmt::format("wait.strategy={}: a consumer over TCP waits at the broker, by "
                                 "fetch.max.wait.ms; only one on the bus's host can watch its "
                                 "shared memory instead",
                                 wait->second)});
  const auto number = [&](const char* key, std::int32_t preset, std::int32_t least) {
    return static_cast<std::int32_t>(reader.number(key, preset, least, INT32_MAX));
  };
  FetchSettings settings;
  settings.min_bytes = number("fetch.min.bytes", 1, 0);
  settings.max_wait_ms = number("fetch.max.wait.ms", 500, 0);
  settings.max_bytes = number("fetch.max.bytes", 52'428'800, 0);
  settings.partition_max_bytes = number("max.partition.fetch.bytes", 1'048'576, 0);
  return settings;
}

void FetchSettings::refuse(const Config& config) {
  for (const char* key :
       {"fetch.min.bytes", "fetch.max.wait.ms", "fetch.max.bytes", "max.partition.fetch.bytes"})
    if (config.contains(key))
      throw Exception({ErrorCode::invalid_config,
                       fmt::format("{}: a consumer on the bus's host fetches nothing, it reads "
                                   "shared memory; this is for BusOptions::bootstrap",
                                   key)});
}

}  // namespace ringmain::client
