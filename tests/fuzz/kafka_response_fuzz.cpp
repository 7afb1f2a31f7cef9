// Fuzzes what a client reads from a broker. The input begins with the key and the version
// that the client would remember; then come the response header and its body.
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
  const int16_t key = reader.int16("key");
  const int16_t version = reader.int16("version");
  if (!reader.ok()) return 0;
  const auto header = ResponseHeader::decode(reader, key, version);
  if (header) AllResponses<RoundTrip>::by_key(key, reader, version);
  return 0;
}
