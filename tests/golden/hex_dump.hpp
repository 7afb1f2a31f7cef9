// Bytes as the golden tests write them: hex, a space every eight bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ringmain::test {

inline std::string hex_dump(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 8 == 0) out.push_back(' ');
    out.push_back(kDigits[std::to_integer<unsigned>(bytes[i]) >> 4]);
    out.push_back(kDigits[std::to_integer<unsigned>(bytes[i]) & 15]);
  }
  return out;
}
inline std::string hex_dump(const void* at, std::size_t bytes) {
  return hex_dump(std::span(static_cast<const std::byte*>(at), bytes));
}

}  // namespace ringmain::test
