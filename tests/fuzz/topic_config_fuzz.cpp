// Fuzzes a topic's settings: lines of "name=value". What is accepted keeps the bounds that the
// log relies on; what is refused says why.
// USES partition
#include <cstdint>
#include <cstdlib>

#include "partition/topic_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain;
  const std::string text(reinterpret_cast<const char*>(data), size);
  partition::Overrides overrides;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t equals = std::min(line.find('='), line.size());
    overrides[line.substr(0, equals)] = equals == line.size() ? "" : line.substr(equals + 1);
    at = end + 1;
  }
  const auto config = partition::parse_topic_config(overrides);
  if (!config) {
    if (config.error().message.empty()) std::abort();
    return 0;
  }
  if (config->slot_limit() < format::kMinSlots || config->slot_limit() > format::kMaxSlots) std::abort();
  if (config->slot_bytes % format::kPageBytes != 0) std::abort();
  if (config->max_message_bytes + format::kFrameHeaderBytes > config->slot_bytes / 4) std::abort();
  if (partition::describe_topic_config(overrides).empty()) std::abort();
  return 0;
}
