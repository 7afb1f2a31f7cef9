// Varints into a buffer; the header once all is known.
#include "kafka/batch_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace ringmain::kafka {
namespace {

constexpr uint64_t zigzag(int64_t value) noexcept {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}

size_t varlong_bytes(int64_t value) noexcept {
  size_t bytes = 1;
  for (uint64_t bits = zigzag(value); bits >= 0x80; bits >>= 7) ++bytes;
  return bytes;
}

size_t bytes_bytes(const std::optional<std::string_view>& value) noexcept {
  return value ? varlong_bytes(static_cast<int64_t>(value->size())) + value->size() : 1;
}

void put_varlong(Bytes& to, int64_t value) {
  uint64_t bits = zigzag(value);
  for (; bits >= 0x80; bits >>= 7) to.push_back(static_cast<std::byte>(bits | 0x80));
  to.push_back(static_cast<std::byte>(bits));
}

void put_bytes(Bytes& to, const std::optional<std::string_view>& value) {
  put_varlong(to, value ? static_cast<int64_t>(value->size()) : -1);
  if (!value) return;
  const auto bytes = std::as_bytes(std::span(*value));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

template <class T>
void store(Bytes& to, size_t at, T value) {
  const auto bits = static_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(T); ++i)
    to[at + i] = static_cast<std::byte>(bits >> (8 * (sizeof(T) - 1 - i)));
}

void store_crc(Bytes& batch) {
  store(batch, batch_crc_at, crc32c(std::span(batch).subspan(batch_attributes_at)));
}

}  // namespace

size_t BatchBuilder::encoded_bytes(const RecordHeader& header) noexcept {
  return bytes_bytes(header.key) + bytes_bytes(header.value);
}

void BatchBuilder::begin_record(const NewRecord& record, size_t headers, size_t headers_bytes) {
  if (bytes_.empty()) {
    bytes_.resize(batch_header_bytes);
    base_offset_ = record.offset;
    first_timestamp_ms_ = max_timestamp_ms_ = record.timestamp_ms;
  }
  RINGMAIN_ASSERT(record.offset >= base_offset_ &&
                  record.offset - base_offset_ < std::numeric_limits<int32_t>::max());
  RINGMAIN_ASSERT(count_ == 0 || record.offset > last_offset_);
  last_offset_ = record.offset;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  ++count_;
  const int64_t timestamp_delta = record.timestamp_ms - first_timestamp_ms_;
  const int64_t offset_delta = record.offset - base_offset_;
  const auto header_count = static_cast<int64_t>(headers);
  put_varlong(bytes_, static_cast<int64_t>(1 + varlong_bytes(timestamp_delta) +
                                           varlong_bytes(offset_delta) + bytes_bytes(record.key) +
                                           bytes_bytes(record.value) + varlong_bytes(header_count) +
                                           headers_bytes));
  bytes_.push_back(std::byte{0});  // attributes
  put_varlong(bytes_, timestamp_delta);
  put_varlong(bytes_, offset_delta);
  put_bytes(bytes_, record.key);
  put_bytes(bytes_, record.value);
  put_varlong(bytes_, header_count);
}

void BatchBuilder::put_header(const RecordHeader& header) {
  put_bytes(bytes_, header.key);
  put_bytes(bytes_, header.value);
}

Bytes BatchBuilder::finish(std::optional<int64_t> last_offset) {
  RINGMAIN_ASSERT(count_ != 0 && last_offset.value_or(last_offset_) >= last_offset_);
  return seal(last_offset.value_or(last_offset_));
}

Bytes void_batch(int64_t first_offset, int64_t last_offset) {
  RINGMAIN_ASSERT(first_offset <= last_offset &&
                  last_offset - first_offset < std::numeric_limits<int32_t>::max());
  BatchBuilder builder;
  builder.bytes_.resize(batch_header_bytes);
  builder.base_offset_ = first_offset;
  return builder.seal(last_offset);
}

Bytes BatchBuilder::seal(int64_t last_offset) {
  store(bytes_, batch_base_offset_at, base_offset_);
  store(bytes_, batch_length_at, static_cast<int32_t>(bytes_.size() - batch_length_covers_from));
  store(bytes_, batch_leader_epoch_at, int32_t{0});
  store(bytes_, batch_magic_at, batch_magic);
  store(bytes_, batch_attributes_at, int16_t{0});
  store(bytes_, batch_last_offset_delta_at,
        static_cast<int32_t>(last_offset - base_offset_));
  store(bytes_, batch_first_timestamp_at, first_timestamp_ms_);
  store(bytes_, batch_max_timestamp_at, max_timestamp_ms_);
  store(bytes_, batch_producer_id_at, no_producer_id);
  store(bytes_, batch_producer_epoch_at, int16_t{-1});
  store(bytes_, batch_base_sequence_at, int32_t{-1});
  store(bytes_, batch_record_count_at, static_cast<int32_t>(count_));
  store_crc(bytes_);
  count_ = 0;
  return std::exchange(bytes_, {});
}

Result<Bytes> compressed(Bytes batch, Compression codec) {
  RINGMAIN_ASSERT(batch.size() >= batch_header_bytes);
  if (codec == Compression::none) return batch;
  RINGMAIN_TRY_ASSIGN(payload, compress(codec, std::span(batch).subspan(batch_header_bytes)));
  if (payload.size() > std::numeric_limits<int32_t>::max() - batch_header_bytes)
    return fail(ErrorCode::message_too_large, fmt::format("a batch of {} bytes", payload.size()));
  batch.resize(batch_header_bytes);
  batch.insert(batch.end(), payload.begin(), payload.end());
  store(batch, batch_length_at, static_cast<int32_t>(batch.size() - batch_length_covers_from));
  store(batch, batch_attributes_at, static_cast<int16_t>(codec));
  store_crc(batch);
  return batch;
}

}  // namespace ringmain::kafka
