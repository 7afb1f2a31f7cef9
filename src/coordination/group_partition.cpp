// Java's string hash, so that a group has the same partition here as in a Kafka cluster.
#include "coordination/group_partition.hpp"

#include <limits>

#include "base/assert.hpp"

namespace ringmain::coordination {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// The next code point; takes at least one byte. A malformed sequence gives U+FFFD.
char32_t next_code_point(std::string_view& utf8) noexcept {
  const auto lead = static_cast<unsigned char>(utf8.front());
  utf8.remove_prefix(1);
  if (lead < 0x80) return lead;
  const int continuation_bytes = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4) return kReplacement;
  char32_t code_point = lead & (0x3fu >> continuation_bytes);
  for (int i = 0; i < continuation_bytes; ++i) {
    if (utf8.empty()) return kReplacement;
    const auto byte = static_cast<unsigned char>(utf8.front());
    if ((byte & 0xc0) != 0x80) return kReplacement;
    utf8.remove_prefix(1);
    code_point = code_point << 6 | (byte & 0x3fu);
  }
  const bool too_long = (continuation_bytes == 2 && code_point < 0x800) ||
                        (continuation_bytes == 3 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
  return too_long || surrogate || code_point > 0x10ffff ? kReplacement : code_point;
}

}  // namespace

int32_t java_hash(std::string_view utf8) noexcept {
  uint32_t hash = 0;
  while (!utf8.empty()) {  // ends: each turn takes a byte
    const char32_t code_point = next_code_point(utf8);
    if (code_point < 0x10000) {
      hash = hash * 31 + static_cast<uint32_t>(code_point);
    } else {
      const uint32_t above = static_cast<uint32_t>(code_point) - 0x10000;
      hash = hash * 31 + (0xd800 + (above >> 10));
      hash = hash * 31 + (0xdc00 + (above & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash);
}

int32_t group_partition(std::string_view group, int32_t partitions) noexcept {
  RINGMAIN_ASSERT(partitions > 0);
  const int32_t hash = java_hash(group);
  // Kafka's Utils.abs: the lowest number has no positive counterpart.
  if (hash == std::numeric_limits<int32_t>::min()) return 0;
  return (hash < 0 ? -hash : hash) % partitions;
}

}  // namespace ringmain::coordination
