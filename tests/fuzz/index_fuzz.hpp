// What the fuzzers of both indexes share: an input becomes an index file, whose identity is
// expected.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/crc32c.hpp"
#include "segment/index_file.hpp"

namespace ringmain::fuzz {

inline void require(bool holds) {
  if (!holds) std::abort();
}

struct IndexInput {
  std::vector<std::byte> bytes;
  segment::FileIdentity expected;
};

// The first byte chooses: 1 seal the file anew, so that mutations get behind the checksum.
inline IndexInput index_input(const uint8_t* data, size_t size) {
  IndexInput input;
  input.expected.slot_bytes = format::kMinSlotBytes;
  if (size == 0) return input;
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  input.bytes.assign(rest.begin(), rest.end());
  format::IndexHead head{};
  if (input.bytes.size() < sizeof(head)) return input;
  std::memcpy(&head, input.bytes.data(), sizeof(head));
  if ((data[0] & 1) != 0) {
    constexpr std::size_t kSlotBytes = 65536;
    head.slot_bytes = kSlotBytes;
    std::memcpy(input.bytes.data(), &head, sizeof(head));
    const std::span<const std::byte> file = input.bytes;
    const std::uint32_t crc = crc32c(file.subspan(16), crc32c(file.first(12)));
    std::memcpy(input.bytes.data() + 12, &crc, sizeof(crc));
  }
  std::memcpy(input.expected.topic_id.data(), head.topic_id, sizeof(head.topic_id));
  input.expected.partition = head.partition;
  input.expected.file_tag = head.file_tag;
  input.expected.base_offset = head.base_offset;
  input.expected.slot_bytes =
      head.slot_bytes < format::kMinSlotBytes ? format::kMinSlotBytes : head.slot_bytes;
  return input;
}

}  // namespace ringmain::fuzz
