// A Kafka RecordBatch of format 2: its header, its records one by one, and how one is made.
// Contract: docs/formats/record-batch.md. Pure; any thread. Every byte may be anybody's.
//
// To read one:
//   RINGMAIN_TRY_ASSIGN(batch, RecordBatch::parse(bytes, CheckCrc::yes));
//   RINGMAIN_TRY_ASSIGN(content, BatchContent::of(batch, limit_bytes));   // decompresses if need
//   be for (RecordWalk walk(batch, content.records()); walk.next();) use(walk.record());
//   RINGMAIN_TRY(walk.status());
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "kafka/compression.hpp"
#include "kafka/wire_types.hpp"

namespace ringmain::kafka {

// Where the fields are, big-endian. The checksum covers everything from the attributes on, so that
// base offset and leader epoch can be written without it.
inline constexpr size_t batch_base_offset_at = 0;
inline constexpr size_t batch_length_at = 8;  // of all that follows it
inline constexpr size_t batch_leader_epoch_at = 12;
inline constexpr size_t batch_magic_at = 16;
inline constexpr size_t batch_crc_at = 17;
inline constexpr size_t batch_attributes_at = 21;
inline constexpr size_t batch_last_offset_delta_at = 23;
inline constexpr size_t batch_first_timestamp_at = 27;
inline constexpr size_t batch_max_timestamp_at = 35;
inline constexpr size_t batch_producer_id_at = 43;
inline constexpr size_t batch_producer_epoch_at = 51;
inline constexpr size_t batch_base_sequence_at = 53;
inline constexpr size_t batch_record_count_at = 57;
inline constexpr size_t batch_header_bytes = 61;
inline constexpr size_t batch_length_covers_from = 12;

inline constexpr int8_t batch_magic = 2;
// The shortest record: length, attributes, both deltas, two lengths and a count, a byte each.
inline constexpr size_t record_min_bytes = 7;
inline constexpr int64_t no_producer_id = -1;
inline constexpr int64_t no_timestamp = -1;

struct BatchHeader {
  int64_t base_offset = 0;  // of the first record
  int32_t length_bytes = 0;
  int32_t leader_epoch = -1;
  int8_t magic = batch_magic;
  uint32_t crc = 0;
  int16_t attributes = 0;
  int32_t last_offset_delta = 0;
  int64_t first_timestamp_ms = no_timestamp;
  int64_t max_timestamp_ms = no_timestamp;
  int64_t producer_id = no_producer_id;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;  // in a compacted batch fewer than its offsets

  Compression compression() const noexcept { return static_cast<Compression>(attributes & 7); }
  bool is_log_append_time() const noexcept { return (attributes & 8) != 0; }
  bool is_transactional() const noexcept { return (attributes & 16) != 0; }
  bool is_control() const noexcept { return (attributes & 32) != 0; }
  // Offsets that it takes.
  uint32_t offset_count() const noexcept { return static_cast<uint32_t>(last_offset_delta) + 1; }
  bool operator==(const BatchHeader&) const = default;
};

enum class CheckCrc { yes, no };  // no: whoever stored it has checked

class RecordBatch {
 public:
  // The batch that `bytes` begin with; they must stay as long as this. Errors: corrupt_message
  // (cut, checksum, fields that contradict each other), unsupported_for_message_format (formats 0
  // and 1), unsupported_compression_type.
  static Result<RecordBatch> parse(std::span<const std::byte> bytes, CheckCrc check);

  const BatchHeader& header() const noexcept { return header_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }  // the whole batch
  std::span<const std::byte> payload() const noexcept {  // the records, as they were sent
    return bytes_.subspan(batch_header_bytes);
  }

 private:
  RecordBatch(const BatchHeader& header, std::span<const std::byte> bytes)
      : header_(header), bytes_(bytes) {}

  BatchHeader header_;
  std::span<const std::byte> bytes_;
};

// The records of a batch as plain bytes: in place, or decompressed.
class BatchContent {
 public:
  static Result<BatchContent> of(const RecordBatch& batch, size_t limit_bytes);
  std::span<const std::byte> records() const noexcept {
    return owned_ ? std::span<const std::byte>(*owned_) : in_place_;
  }

 private:
  BatchContent() = default;
  std::optional<Bytes> owned_;
  std::span<const std::byte> in_place_;
};

struct BatchRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = no_timestamp;
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{};
  std::span<const std::byte> headers{};  // encoded: HeaderWalk
  uint32_t header_count = 0;
};

// Goes over the records of a batch in order.
//
// Invariant: no byte outside `records` is read; each turn takes at least record_min_bytes.
class RecordWalk {
 public:
  // `records`: of BatchContent. The offsets follow the header's base offset; `base_offset`
  // overrules it.
  RecordWalk(const RecordBatch& batch, std::span<const std::byte> records,
             std::optional<int64_t> base_offset = std::nullopt) noexcept;

  // False at the end, and where the bytes are no record.
  bool next() noexcept;
  const BatchRecord& record() const noexcept { return record_; }

  // Success once the walk has reached the end and found what the header says. Error:
  // corrupt_message.
  Status status() const;

 private:
  bool fail_with(const char* why) noexcept;

  const int64_t base_offset_;
  const int64_t first_timestamp_ms_;
  const std::optional<int64_t> append_time_ms_;  // of every record, with LogAppendTime
  const int32_t last_offset_delta_;
  const uint32_t record_count_;
  std::span<const std::byte> left_;
  uint32_t walked_ = 0;
  int32_t last_delta_ = -1;
  const char* why_ = nullptr;  // what was wrong
  BatchRecord record_;
};

struct RecordHeader {
  std::string_view key;
  std::optional<std::string_view> value;
};

// Goes over the headers of a record. They were walked once by RecordWalk, so all of them are there.
class HeaderWalk {
 public:
  explicit HeaderWalk(const BatchRecord& record) noexcept
      : left_(record.headers), count_(record.header_count) {}
  bool next() noexcept;
  const RecordHeader& header() const noexcept { return header_; }

 private:
  std::span<const std::byte> left_;
  uint32_t count_;
  RecordHeader header_;
};

// What whoever appends a batch writes into it, and what that leaves of its checksum.
void stamp_offset(std::span<std::byte> batch, int64_t base_offset,
                  int32_t leader_epoch) noexcept;  // unchanged
void stamp_append_time(std::span<std::byte> batch,
                       int64_t append_time_ms) noexcept;  // computed anew

}  // namespace ringmain::kafka
