// The words that all codecs share: bytes, uuid, the two encodings of a length, and null.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringmain::kafka {

using Bytes = std::vector<std::byte>;

// Sixteen bytes in wire order; all zero means "none".
struct Uuid {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const Uuid&) const = default;
};

// How strings, bytes and arrays carry their length.
enum class Encoding {
  classic,  // int16 or int32; -1 is null
  compact,  // uvarint of length + 1; 0 is null. All flexible versions, whose structs end in tags.
};

// Whether a value may be null in the version at hand.
enum class Null { refused, allowed };

// Names a field in errors: a literal with its whole path, "Metadata.request.topics.name".
using Field = const char*;

}  // namespace ringmain::kafka
