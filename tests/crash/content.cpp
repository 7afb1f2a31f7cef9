#include "content.hpp"

#include <cstring>

#include "base/crc32c.hpp"
#include "base/random.hpp"

namespace ringmain::crash {
namespace {

struct Head {
  std::uint32_t checksum;  // of all bytes behind it
  std::uint32_t bytes;
  std::uint32_t topic;
  std::uint32_t producer;
  std::uint64_t sequence;
  std::uint64_t noise;  // begins the stream that fills the rest
};
static_assert(sizeof(Head) == kLeastValueBytes);

std::uint32_t checksum_of(std::span<const std::byte> value) {
  return crc32c(value.subspan(sizeof(std::uint32_t)));
}

}  // namespace

void write_value(std::span<std::byte> value, const Origin& origin) {
  SplitMix64 noise(origin.sequence << 20 ^ origin.producer);
  Head head{0, static_cast<std::uint32_t>(value.size()), origin.topic, origin.producer, origin.sequence, noise()};
  std::memcpy(value.data(), &head, sizeof(head));
  for (std::size_t at = sizeof(head); at < value.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t word = noise();
    std::memcpy(value.data() + at, &word, std::min(sizeof(word), value.size() - at));
  }
  head.checksum = checksum_of(value);
  std::memcpy(value.data(), &head, sizeof(head));
}

std::optional<Origin> read_value(Bytes value) {
  Head head;
  if (value.size() < sizeof(head)) return std::nullopt;
  std::memcpy(&head, value.data(), sizeof(head));
  if (head.bytes != value.size()) return std::nullopt;
  if (head.checksum != checksum_of(std::as_bytes(std::span(value.data(), value.size())))) return std::nullopt;
  return Origin{head.topic, head.producer, head.sequence};
}

Extras::Extras(const Origin& origin)
    : key("key-" + std::to_string(origin.sequence % 97)), header_value(std::to_string(origin.sequence)),
      headers{Header{"sequence", header_value}, Header{"none", std::nullopt}} {}

bool extras_match(const ConsumerRecord& record, const Origin& origin) {
  const Extras expected(origin);
  const std::vector<Header> headers = record.headers();
  return record.key == expected.key && headers.size() == expected.headers.size() &&
         headers[0] == expected.headers[0] && headers[1] == expected.headers[1];
}

}  // namespace ringmain::crash
