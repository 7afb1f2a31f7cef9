#include "client/header_codec.hpp"

#include <cstring>

#include "ringmain/error.hpp"

namespace ringmain {
namespace client {
namespace {

template <class T>
void put(std::string& to, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  to.append(bytes, sizeof(T));
}

template <class T>
bool get(std::string_view& from, T& value) {
  if (from.size() < sizeof(T)) return false;
  std::memcpy(&value, from.data(), sizeof(T));
  from.remove_prefix(sizeof(T));
  return true;
}

bool get_bytes(std::string_view& from, std::size_t bytes, std::string_view& to) {
  if (from.size() < bytes) return false;
  to = from.substr(0, bytes);
  from.remove_prefix(bytes);
  return true;
}

}  // namespace

std::string encode_headers(std::span<const Header> headers) {
  if (headers.empty()) return {};
  if (headers.size() > 0xffff) throw Exception({ErrorCode::invalid_record, "a record has at most 65535 headers"});
  std::string encoded;
  put(encoded, static_cast<std::uint16_t>(headers.size()));
  for (const Header& header : headers) {
    if (header.key.size() > 0xffff)
      throw Exception({ErrorCode::invalid_record, "a header's name has at most 65535 bytes"});
    put(encoded, static_cast<std::uint16_t>(header.key.size()));
    encoded += header.key;
    put(encoded, header.value ? static_cast<std::int32_t>(header.value->size()) : -1);
    if (header.value) encoded += *header.value;
  }
  return encoded;
}

std::optional<std::vector<Header>> decode_headers(std::string_view encoded) {
  std::vector<Header> headers;
  if (encoded.empty()) return headers;
  std::uint16_t count = 0;
  if (!get(encoded, count)) return std::nullopt;
  for (std::uint16_t i = 0; i < count; ++i) {
    std::uint16_t name_bytes = 0;
    std::int32_t value_bytes = 0;
    Header header;
    if (!get(encoded, name_bytes) || !get_bytes(encoded, name_bytes, header.key) || !get(encoded, value_bytes))
      return std::nullopt;
    if (value_bytes < -1) return std::nullopt;
    if (value_bytes >= 0) {
      std::string_view value;
      if (!get_bytes(encoded, static_cast<std::size_t>(value_bytes), value)) return std::nullopt;
      header.value = value;
    }
    headers.push_back(header);
  }
  if (!encoded.empty()) return std::nullopt;
  return headers;
}

}  // namespace client

std::vector<Header> ConsumerRecord::headers() const {
  auto headers = client::decode_headers(raw_headers);
  if (!headers)
    throw Exception({ErrorCode::corrupt_memory, "the headers of record " + std::to_string(offset) + " of " +
                                                    std::string(topic) + "-" + std::to_string(partition) +
                                                    " are malformed"});
  return std::move(*headers);
}

}  // namespace ringmain
