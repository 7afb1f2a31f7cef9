// The body of a record frame: value, key, headers, trailer.
// Contract: docs/formats/frame.md, "Body of a record".
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "format/frame.hpp"

namespace ringmain::format {

inline constexpr std::uint32_t kTrailerBytes = 8;

// Sizes of the parts of a body, and how they are written. The headers are already encoded
// (header_codec.hpp).
struct RecordParts {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::string_view headers;  // encoded; empty: none

  bool has_trailer() const noexcept { return key.has_value() || !headers.empty(); }
  std::uint64_t body_bytes() const noexcept {
    return std::uint64_t{value ? value->size() : 0} + (key ? key->size() : 0) + headers.size() +
           (has_trailer() ? kTrailerBytes : 0);
  }
  std::uint8_t flags() const noexcept {
    return static_cast<std::uint8_t>((key ? kFlagKey : 0) | (headers.empty() ? 0 : kFlagHeaders) |
                                     (value ? 0 : kFlagNullValue));
  }
};

inline void write_body(std::byte* to, const RecordParts& parts) noexcept {
  const auto put = [&to](const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
    to += bytes;
  };
  if (parts.value) put(parts.value->data(), parts.value->size());
  if (!parts.has_trailer()) return;
  const auto key_bytes = static_cast<std::uint32_t>(parts.key ? parts.key->size() : 0);
  const auto headers_bytes = static_cast<std::uint32_t>(parts.headers.size());
  if (parts.key) put(parts.key->data(), key_bytes);
  put(parts.headers.data(), headers_bytes);
  put(&key_bytes, sizeof(key_bytes));
  put(&headers_bytes, sizeof(headers_bytes));
}

// The parts of a body in place; nullopt if its sizes contradict each other.
inline std::optional<RecordParts> read_body(const std::byte* body, std::uint32_t body_bytes,
                                            std::uint8_t flags) noexcept {
  RecordParts parts;
  const char* at = reinterpret_cast<const char*>(body);
  std::uint32_t value_bytes = body_bytes;
  if ((flags & (kFlagKey | kFlagHeaders)) != 0) {
    if (body_bytes < kTrailerBytes) return std::nullopt;
    std::uint32_t key_bytes = 0, headers_bytes = 0;
    std::memcpy(&key_bytes, at + body_bytes - 8, sizeof(key_bytes));
    std::memcpy(&headers_bytes, at + body_bytes - 4, sizeof(headers_bytes));
    const std::uint64_t others = std::uint64_t{key_bytes} + headers_bytes + kTrailerBytes;
    if (others > body_bytes) return std::nullopt;
    if ((flags & kFlagKey) == 0 && key_bytes != 0) return std::nullopt;
    if ((flags & kFlagHeaders) == 0 && headers_bytes != 0) return std::nullopt;
    value_bytes = body_bytes - static_cast<std::uint32_t>(others);
    if ((flags & kFlagKey) != 0) parts.key = std::string_view(at + value_bytes, key_bytes);
    parts.headers = std::string_view(at + value_bytes + key_bytes, headers_bytes);
  }
  if ((flags & kFlagNullValue) != 0) {
    if (value_bytes != 0) return std::nullopt;
  } else {
    parts.value = std::string_view(at, value_bytes);
  }
  return parts;
}

}  // namespace ringmain::format
