// The header's checks, and varints from bytes that nobody vouches for.
#include "kafka/record_batch.hpp"

#include <fmt/format.h>

#include <concepts>
#include <utility>

#include "base/crc32c.hpp"

namespace ringmain::kafka {
namespace {

template <std::integral T>
T load(std::span<const std::byte> bytes, size_t at) noexcept {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
  return static_cast<T>(value);
}

template <std::integral T>
void store(std::span<std::byte> bytes, size_t at, T value) noexcept {
  const auto bits = static_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(T); ++i)
    bytes[at + i] = static_cast<std::byte>(bits >> (8 * (sizeof(T) - 1 - i)));
}

uint32_t checksum(std::span<const std::byte> batch) noexcept {
  return crc32c(batch.subspan(batch_attributes_at));
}

BatchHeader read_header(std::span<const std::byte> bytes) noexcept {
  BatchHeader header;
  header.base_offset = load<int64_t>(bytes, batch_base_offset_at);
  header.length_bytes = load<int32_t>(bytes, batch_length_at);
  header.leader_epoch = load<int32_t>(bytes, batch_leader_epoch_at);
  header.magic = load<int8_t>(bytes, batch_magic_at);
  header.crc = load<uint32_t>(bytes, batch_crc_at);
  header.attributes = load<int16_t>(bytes, batch_attributes_at);
  header.last_offset_delta = load<int32_t>(bytes, batch_last_offset_delta_at);
  header.first_timestamp_ms = load<int64_t>(bytes, batch_first_timestamp_at);
  header.max_timestamp_ms = load<int64_t>(bytes, batch_max_timestamp_at);
  header.producer_id = load<int64_t>(bytes, batch_producer_id_at);
  header.producer_epoch = load<int16_t>(bytes, batch_producer_epoch_at);
  header.base_sequence = load<int32_t>(bytes, batch_base_sequence_at);
  header.record_count = load<int32_t>(bytes, batch_record_count_at);
  return header;
}

tl::unexpected<Error> corrupt(std::string why) {
  return fail(ErrorCode::corrupt_message, "a record batch " + std::move(why));
}

Status check_fields(const BatchHeader& header, size_t payload_bytes) {
  if (header.last_offset_delta < 0 ||
      header.last_offset_delta == std::numeric_limits<int32_t>::max())
    return corrupt(
        fmt::format("says that its last record is {} behind its first", header.last_offset_delta));
  if (header.record_count < 0 || header.record_count > header.last_offset_delta + 1)
    return corrupt(fmt::format("says that it has {} records for {} offsets", header.record_count,
                               header.last_offset_delta + 1));
  if (header.compression() > Compression::zstd)
    return fail(ErrorCode::unsupported_compression_type,
                fmt::format("a record batch has compression {}, which nobody knows",
                            header.attributes & 7));
  if (header.compression() == Compression::none &&
      static_cast<size_t>(header.record_count) > payload_bytes / record_min_bytes)
    return corrupt(
        fmt::format("says that it has {} records in {} bytes", header.record_count, payload_bytes));
  return {};
}

// Takes the varint that the bytes begin with; false: there is none.
bool take_varlong(std::span<const std::byte>& from, int64_t& value) noexcept {
  uint64_t bits = 0;
  for (unsigned i = 0; i < 10 && i < from.size(); ++i) {
    const auto next = std::to_integer<uint64_t>(from[i]);
    if (i == 9 && next > 1) return false;
    bits |= (next & 0x7f) << (7 * i);
    if (next < 0x80) {
      from = from.subspan(i + 1);
      value = static_cast<int64_t>((bits >> 1) ^ (uint64_t{0} - (bits & 1)));
      return true;
    }
  }
  return false;
}

bool take_varint(std::span<const std::byte>& from, int32_t& value) noexcept {
  int64_t wide = 0;
  if (!take_varlong(from, wide) || wide < std::numeric_limits<int32_t>::min() ||
      wide > std::numeric_limits<int32_t>::max())
    return false;
  value = static_cast<int32_t>(wide);
  return true;
}

std::string_view text(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A length, -1 for null, and as many bytes.
bool take_bytes(std::span<const std::byte>& from, std::optional<std::string_view>& value) noexcept {
  int32_t size = 0;
  if (!take_varint(from, size) || size < -1) return false;
  value.reset();
  if (size == -1) return true;
  if (static_cast<size_t>(size) > from.size()) return false;
  value = text(from.first(static_cast<size_t>(size)));
  from = from.subspan(static_cast<size_t>(size));
  return true;
}

bool take_header(std::span<const std::byte>& from, RecordHeader& header) noexcept {
  std::optional<std::string_view> key;
  if (!take_bytes(from, key) || !key) return false;
  header.key = *key;
  return take_bytes(from, header.value);
}

int64_t sum(int64_t a, int64_t b) noexcept {  // that wraps, as Java's does
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

}  // namespace

Result<RecordBatch> RecordBatch::parse(std::span<const std::byte> bytes, CheckCrc check) {
  // All formats have their magic at the same place.
  if (bytes.size() <= batch_magic_at)
    return corrupt(fmt::format("has only {} bytes", bytes.size()));
  if (const auto magic = load<int8_t>(bytes, batch_magic_at); magic != batch_magic) {
    if (magic == 0 || magic == 1)
      return fail(ErrorCode::unsupported_for_message_format,
                  fmt::format("records in message format {} are not taken: use a client that "
                              "writes format 2 (Kafka 0.11 "
                              "and later)",
                              magic));
    return corrupt(fmt::format("has the unknown message format {}", magic));
  }
  if (bytes.size() < batch_header_bytes)
    return corrupt(fmt::format("has only {} bytes", bytes.size()));
  const BatchHeader header = read_header(bytes);
  constexpr auto shortest = static_cast<int64_t>(batch_header_bytes - batch_length_covers_from);
  const auto most = static_cast<int64_t>(bytes.size() - batch_length_covers_from);
  if (header.length_bytes < shortest || header.length_bytes > most)
    return corrupt(fmt::format("says that {} bytes follow its length; {} to {} can",
                               header.length_bytes, shortest, most));
  const auto whole =
      bytes.first(batch_length_covers_from + static_cast<size_t>(header.length_bytes));
  RINGMAIN_TRY(check_fields(header, whole.size() - batch_header_bytes));
  if (check == CheckCrc::yes) {
    if (const uint32_t found = checksum(whole); found != header.crc)
      return corrupt(
          fmt::format("has checksum {:08x} and not {:08x} as it says", found, header.crc));
  }
  return RecordBatch(header, whole);
}

Result<BatchContent> BatchContent::of(const RecordBatch& batch, size_t limit_bytes) {
  BatchContent content;
  if (batch.header().compression() == Compression::none) {
    content.in_place_ = batch.payload();
  } else {
    RINGMAIN_TRY_ASSIGN(plain,
                        decompress(batch.header().compression(), batch.payload(), limit_bytes));
    content.owned_ = std::move(plain);
  }
  return content;
}

RecordWalk::RecordWalk(const RecordBatch& batch, std::span<const std::byte> records,
                       std::optional<int64_t> base_offset) noexcept
    : base_offset_(base_offset.value_or(batch.header().base_offset)),
      first_timestamp_ms_(batch.header().first_timestamp_ms),
      append_time_ms_(batch.header().is_log_append_time()
                          ? std::optional(batch.header().max_timestamp_ms)
                          : std::nullopt),
      last_offset_delta_(batch.header().last_offset_delta),
      record_count_(static_cast<uint32_t>(batch.header().record_count)),
      left_(records) {}

bool RecordWalk::next() noexcept {
  if (why_ != nullptr || walked_ == record_count_) return false;
  int32_t size = 0;
  if (!take_varint(left_, size) || size < 0 || static_cast<size_t>(size) > left_.size())
    return fail_with("a record is longer than what is left");
  auto body = left_.first(static_cast<size_t>(size));
  left_ = left_.subspan(static_cast<size_t>(size));
  if (body.empty()) return fail_with("a record is empty");
  body = body.subspan(1);  // attributes: none are in use
  int64_t timestamp_delta = 0;
  int32_t offset_delta = 0;
  if (!take_varlong(body, timestamp_delta) || !take_varint(body, offset_delta))
    return fail_with("a record has no time or no offset");
  if (offset_delta <= last_delta_ || offset_delta > last_offset_delta_)
    return fail_with("a record's offset is out of order");
  if (!take_bytes(body, record_.key) || !take_bytes(body, record_.value))
    return fail_with("a key or a value is longer than its record");
  int32_t headers = 0;
  if (!take_varint(body, headers) || headers < 0)
    return fail_with("a record has no count of headers");
  record_.headers = body;
  record_.header_count = static_cast<uint32_t>(headers);
  RecordHeader header;
  for (int32_t i = 0; i < headers; ++i)  // bounded by the record's bytes: each takes two
    if (!take_header(body, header)) return fail_with("a header is longer than its record");
  if (!body.empty()) return fail_with("a record is longer than its parts");
  record_.offset = sum(base_offset_, offset_delta);
  record_.timestamp_ms = append_time_ms_.value_or(sum(first_timestamp_ms_, timestamp_delta));
  last_delta_ = offset_delta;
  ++walked_;
  return true;
}

bool RecordWalk::fail_with(const char* why) noexcept {
  why_ = why;
  return false;
}

Status RecordWalk::status() const {
  if (why_ != nullptr) return corrupt(fmt::format("is damaged at record {}: {}", walked_, why_));
  if (walked_ != record_count_)
    return corrupt(fmt::format("was read up to record {} of {}", walked_, record_count_));
  if (!left_.empty())
    return corrupt(fmt::format("has {} bytes behind its last record", left_.size()));
  return {};
}

bool HeaderWalk::next() noexcept {
  if (count_ == 0 || !take_header(left_, header_)) return false;
  --count_;
  return true;
}

void stamp_offset(std::span<std::byte> batch, int64_t base_offset, int32_t leader_epoch) noexcept {
  store(batch, batch_base_offset_at, base_offset);
  store(batch, batch_leader_epoch_at, leader_epoch);
}

void stamp_append_time(std::span<std::byte> batch, int64_t append_time_ms) noexcept {
  store(batch, batch_attributes_at,
        static_cast<int16_t>(load<int16_t>(batch, batch_attributes_at) | 8));
  store(batch, batch_max_timestamp_at, append_time_ms);
  store(batch, batch_crc_at, checksum(batch));
}

}  // namespace ringmain::kafka
