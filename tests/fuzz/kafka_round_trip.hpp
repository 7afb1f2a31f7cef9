// Shared by the fuzzers of the Kafka codecs: what decodes must survive being sent again.
#pragma once

#include <cstdlib>

#include "kafka/reader.hpp"
#include "kafka/writer.hpp"

namespace ringmain::kafka {

// Aborts, which the fuzzer reports with the input, if the second value differs.
template <class Message>
void round_trip(Reader& reader, int16_t version) {
  const auto first = Message::decode(reader, version);
  if (!first) return;
  Writer writer;
  first->encode(writer, version);
  if (!writer.status()) std::abort();
  Reader again(writer.written());
  const auto second = Message::decode(again, version);
  if (!second || *second != *first) std::abort();
}

template <class... Messages>
struct RoundTrip {
  static void by_key(int16_t key, Reader& reader, int16_t version) {
    ((Messages::api_key == key ? round_trip<Messages>(reader, version) : void()), ...);
  }
};

}  // namespace ringmain::kafka
