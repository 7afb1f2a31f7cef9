// Primitives of the Kafka protocol, written big-endian.
#include "kafka/writer.hpp"

#include <fmt/format.h>

#include <limits>
#include <type_traits>
#include <utility>

namespace ringmain::kafka {

void Writer::int8(int8_t value) {
  big_endian(value);
}
void Writer::int16(int16_t value) {
  big_endian(value);
}
void Writer::int32(int32_t value) {
  big_endian(value);
}
void Writer::int64(int64_t value) {
  big_endian(value);
}
void Writer::uint32(uint32_t value) {
  big_endian(value);
}
void Writer::uvarint(uint32_t value) {
  varint_bits(value);
}

void Writer::varint(int32_t value) {
  uvarint(static_cast<uint32_t>(value) << 1 ^ static_cast<uint32_t>(value >> 31));
}

void Writer::varlong(int64_t value) {
  varint_bits(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

void Writer::uuid(const Uuid& value) {
  raw(std::as_bytes(std::span(value.bytes)));
}

void Writer::string(std::string_view value, Encoding encoding) {
  string_length(value.size(), encoding);
  raw(std::as_bytes(std::span(value)));
}

void Writer::bytes(std::span<const std::byte> value, Encoding encoding) {
  length(value.size(), encoding);
  raw(value);
}

void Writer::nullable_string(const std::optional<std::string>& value, Encoding encoding,
                             Null null) {
  if (value || null == Null::refused) return string(value ? *value : std::string_view{}, encoding);
  null_string(encoding);
}

void Writer::nullable_bytes(const std::optional<Bytes>& value, Encoding encoding, Null null) {
  if (value || null == Null::refused) {
    return bytes(value ? std::span<const std::byte>(*value) : std::span<const std::byte>{},
                 encoding);
  }
  null_length(encoding);
}

void Writer::records(const Records& value, Encoding encoding) {
  length(value.size_bytes(), encoding);
  for (const Records::Piece piece : value.pieces()) {
    if (!refers_to_records_) {
      raw(piece);
    } else {
      cuts_.push_back({buffer_.size(), piece});
      cut_bytes_ += piece.size();
    }
  }
}

void Writer::nullable_records(const std::optional<Records>& value, Encoding encoding, Null null) {
  if (value || null == Null::refused) return records(value ? *value : Records{}, encoding);
  null_length(encoding);
}

void Writer::tags(const TagSection& section) {
  uvarint(section.count_);
  raw(section.body_.buffer_);
  if (section.body_.error_) fail_with(*section.body_.error_);
}

size_t Writer::begin_frame() {
  const size_t frame_position = buffer_.size();
  int32(0);
  return frame_position;
}

void Writer::end_frame(size_t frame_position) {
  const size_t size = buffer_.size() + cut_bytes_ - frame_position - sizeof(int32_t);
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return fail_with({ErrorCode::message_too_large, fmt::format("a frame of {} bytes", size)});
  }
  for (size_t i = 0; i < sizeof(int32_t); ++i) {
    buffer_[frame_position + i] = static_cast<std::byte>(size >> (24 - 8 * i));
  }
}

bool Writer::accepts_version(Field message, int16_t version, int16_t min, int16_t max) {
  if (min <= version && version <= max) return true;
  fail_with(
      {ErrorCode::unsupported_version, fmt::format("{} has no version {}", message, version)});
  return false;
}

Status Writer::status() const {
  if (error_) return tl::make_unexpected(*error_);
  return {};
}

Result<Bytes> Writer::take() && {
  RINGMAIN_TRY(status());
  return std::move(buffer_);
}

template <class T>
void Writer::big_endian(T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t i = sizeof(T); i-- > 0;) {
    buffer_.push_back(static_cast<std::byte>(static_cast<uint64_t>(bits) >> (8 * i)));
  }
}

void Writer::varint_bits(uint64_t bits) {
  for (; bits >= 0x80; bits >>= 7) buffer_.push_back(static_cast<std::byte>(bits | 0x80));
  buffer_.push_back(static_cast<std::byte>(bits));
}

void Writer::raw(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void Writer::string_length(size_t size, Encoding encoding) {
  if (encoding == Encoding::compact) return length(size, encoding);
  if (size > static_cast<size_t>(std::numeric_limits<int16_t>::max())) {
    return fail_with({ErrorCode::message_too_large, fmt::format("a string of {} bytes", size)});
  }
  int16(static_cast<int16_t>(size));
}

void Writer::length(size_t size, Encoding encoding) {
  if (size > static_cast<size_t>(std::numeric_limits<int32_t>::max()) - 1) {
    return fail_with({ErrorCode::message_too_large, fmt::format("a length of {}", size)});
  }
  if (encoding == Encoding::compact) return uvarint(static_cast<uint32_t>(size) + 1);
  int32(static_cast<int32_t>(size));
}

void Writer::null_string(Encoding encoding) {
  if (encoding == Encoding::compact) return uvarint(0);
  int16(-1);
}

void Writer::null_length(Encoding encoding) {
  if (encoding == Encoding::compact) return uvarint(0);
  int32(-1);
}

void Writer::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

void TagSection::append(uint32_t tag, const Writer& value) {
  ++count_;
  body_.uvarint(tag);
  body_.uvarint(static_cast<uint32_t>(value.buffer_.size()));
  body_.raw(value.buffer_);
  if (value.error_) body_.fail_with(*value.error_);
}

}  // namespace ringmain::kafka
