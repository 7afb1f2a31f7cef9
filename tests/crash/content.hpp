// What the campaign's records say: every byte follows from who sent it and its number, so that a
// reader can tell a whole record from a torn, foreign or overwritten one without asking anybody.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ringmain/record.hpp"

namespace ringmain::crash {

struct Origin {
  std::uint32_t topic = 0;     // index in kTopics
  std::uint32_t producer = 0;  // one life of a producer process
  std::uint64_t sequence = 0;  // its own numbering, from 0

  bool operator==(const Origin&) const = default;
};

inline constexpr std::size_t kLeastValueBytes = 32;

// Fills `value`, which has at least kLeastValueBytes.
void write_value(std::span<std::byte> value, const Origin& origin);

// Who sent it; nullopt if a single byte is not as its sender wrote it.
std::optional<Origin> read_value(Bytes value);

// Key and header of records that carry some.
struct Extras {
  explicit Extras(const Origin& origin);
  Extras(const Extras&) = delete;
  Extras& operator=(const Extras&) = delete;

  std::string key;
  std::string header_value;
  std::array<Header, 2> headers;
};
bool extras_match(const ConsumerRecord& record, const Origin& origin);

}  // namespace ringmain::crash
