// Fuzzes what a broker reads from a connection: a request header and its body, of any API.
// USES kafka
#include <cstddef>
#include <cstdint>
#include <span>

#include "fuzz/kafka_round_trip.hpp"
#include "kafka/generated/messages.hpp"
#include "kafka/headers.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain::kafka;
  Reader reader(std::as_bytes(std::span(data, size)));
  const auto header = RequestHeader::decode(reader);
  if (header) AllRequests<RoundTrip>::by_key(header->api_key, reader, header->api_version);
  return 0;
}
