// Primitives of the Kafka protocol, read from untrusted bytes.
#include "kafka/reader.hpp"

#include <fmt/format.h>

#include <type_traits>
#include <utility>

namespace ringmain::kafka {

bool Reader::boolean(Field field) {
  return int8(field) != 0;
}
int8_t Reader::int8(Field field) {
  return big_endian<int8_t>(field);
}
int16_t Reader::int16(Field field) {
  return big_endian<int16_t>(field);
}
int32_t Reader::int32(Field field) {
  return big_endian<int32_t>(field);
}
int64_t Reader::int64(Field field) {
  return big_endian<int64_t>(field);
}
uint32_t Reader::uint32(Field field) {
  return big_endian<uint32_t>(field);
}

uint32_t Reader::uvarint(Field field) {
  return static_cast<uint32_t>(varint_bits(field, 32));
}

int32_t Reader::varint(Field field) {
  const uint32_t bits = uvarint(field);
  return static_cast<int32_t>((bits >> 1) ^ (0U - (bits & 1U)));
}

int64_t Reader::varlong(Field field) {
  const uint64_t bits = varint_bits(field, 64);
  return static_cast<int64_t>((bits >> 1) ^ (uint64_t{0} - (bits & 1U)));
}

Uuid Reader::uuid(Field field) {
  Uuid out;
  const std::byte* from = take(field, out.bytes.size());
  if (from == nullptr) return out;
  for (size_t i = 0; i < out.bytes.size(); ++i) out.bytes[i] = std::to_integer<uint8_t>(from[i]);
  return out;
}

std::string Reader::string(Field field, Encoding encoding) {
  return nullable_string(field, encoding, Null::refused).value_or("");
}

std::optional<std::string> Reader::nullable_string(Field field, Encoding encoding, Null null) {
  const auto size = length(field, encoding, LengthKind::string, null);
  if (!size) return std::nullopt;
  const std::byte* from = take(field, *size);
  if (from == nullptr) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(from), *size);
}

Bytes Reader::bytes(Field field, Encoding encoding) {
  return nullable_bytes(field, encoding, Null::refused).value_or(Bytes{});
}

std::optional<Bytes> Reader::nullable_bytes(Field field, Encoding encoding, Null null) {
  const auto size = length(field, encoding, LengthKind::bytes, null);
  if (!size) return std::nullopt;
  const std::byte* from = take(field, *size);
  if (from == nullptr) return std::nullopt;
  return Bytes(from, from + *size);
}

Records Reader::records(Field field, Encoding encoding) {
  return nullable_records(field, encoding, Null::refused).value_or(Records{});
}

std::optional<Records> Reader::nullable_records(Field field, Encoding encoding, Null null) {
  const auto size = length(field, encoding, LengthKind::bytes, null);
  if (!size) return std::nullopt;
  const std::byte* from = take(field, *size);
  if (from == nullptr) return std::nullopt;
  return Records({from, *size});
}

void Reader::skip_tags(Field field) {
  tags(field, [](uint32_t) { return false; });
}

Status Reader::finish(Field field) {
  if (ok() && position_ != end_) {
    fail_at(field, position_,
            fmt::format("{} bytes follow the end of the message", end_ - position_));
  }
  return status();
}

Status Reader::status() const {
  if (error_) return tl::make_unexpected(*error_);
  return {};
}

const std::byte* Reader::take(Field field, size_t size) {
  if (error_) return nullptr;
  if (size > end_ - position_) {
    fail_at(field, position_, fmt::format("{} bytes needed, {} left", size, end_ - position_));
    return nullptr;
  }
  const std::byte* from = bytes_.data() + position_;
  position_ += size;
  return from;
}

template <class T>
T Reader::big_endian(Field field) {
  const std::byte* from = take(field, sizeof(T));
  if (from == nullptr) return 0;
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | std::to_integer<uint64_t>(from[i]);
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(value));
}

uint64_t Reader::varint_bits(Field field, unsigned max_bits) {
  const size_t start = position_;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < max_bits; shift += 7) {
    const std::byte* from = take(field, 1);
    if (from == nullptr) return 0;
    const uint64_t bits = std::to_integer<uint64_t>(*from & std::byte{0x7f});
    // The last byte has room for fewer than seven bits.
    if (shift + 7 > max_bits && bits >> (max_bits - shift) != 0) break;
    value |= bits << shift;
    if ((*from & std::byte{0x80}) == std::byte{0}) return value;
  }
  fail_at(field, start, fmt::format("a varint of more than {} bits", max_bits));
  return 0;
}

std::optional<size_t> Reader::length(Field field, Encoding encoding, LengthKind kind, Null null) {
  const size_t at = position_;
  int64_t size = 0;
  if (encoding == Encoding::compact) {
    size = int64_t{uvarint(field)} - 1;
  } else {
    size = kind == LengthKind::string ? int16(field) : int32(field);
  }
  return checked(field, size, 1, null, at);
}

std::optional<size_t> Reader::count(Field field, Encoding encoding, size_t min_item_bytes,
                                    Null null) {
  const size_t at = position_;
  const int64_t items = encoding == Encoding::compact ? int64_t{uvarint(field)} - 1 : int32(field);
  const auto present = checked(field, items, min_item_bytes, null, at);
  if (present.value_or(0) > items_left_) {
    fail_at(field, at, fmt::format("{} items, which are too many for one request", *present));
    return std::nullopt;
  }
  items_left_ -= present.value_or(0);
  return present;
}

std::optional<size_t> Reader::checked(Field field, int64_t size, size_t min_item_bytes, Null null,
                                      size_t at) {
  if (error_) return std::nullopt;
  if (size == -1) {
    if (null == Null::refused) fail_at(field, at, "null, which this version does not have");
    return std::nullopt;
  }
  if (size < 0) {
    fail_at(field, at, fmt::format("a length of {}", size));
    return std::nullopt;
  }
  const size_t remaining = end_ - position_;
  if (static_cast<uint64_t>(size) > remaining / min_item_bytes) {
    fail_at(field, at,
            fmt::format("a length of {}, each at least {} bytes, with {} bytes left", size,
                        min_item_bytes, remaining));
    return std::nullopt;
  }
  return static_cast<size_t>(size);
}

void Reader::fail_at(Field field, size_t position, std::string why) {
  if (error_) return;
  error_ =
      Error{ErrorCode::invalid_request, fmt::format("{} at byte {}: {}", field, position, why)};
}

uint32_t Reader::tag_count(Field field) {
  constexpr size_t kMinTagBytes = 2;  // its number and its size
  const size_t at = position_;
  const auto tags_present = checked(field, uvarint(field), kMinTagBytes, Null::refused, at);
  return static_cast<uint32_t>(tags_present.value_or(0));
}

uint32_t Reader::enter_tag(Field field, std::optional<uint32_t> previous) {
  const size_t at = position_;
  const uint32_t tag = uvarint(field);
  if (previous && tag <= *previous) {
    fail_at(field, at, fmt::format("tag {} after tag {}: tags ascend", tag, *previous));
  }
  const size_t size_at = position_;
  const auto size = checked(field, uvarint(field), 1, Null::refused, size_at);
  if (size) end_ = position_ + *size;
  return tag;
}

void Reader::leave_tag(Field field, uint32_t tag, size_t outer_end, bool known) {
  if (ok() && known && position_ != end_) {
    fail_at(field, position_, fmt::format("tag {} has {} bytes too many", tag, end_ - position_));
  }
  if (ok()) position_ = end_;
  end_ = outer_end;
}

tl::unexpected<Error> unknown_version(Field message, int16_t version) {
  return fail(ErrorCode::unsupported_version,
              fmt::format("{} has no version {}", message, version));
}

}  // namespace ringmain::kafka
