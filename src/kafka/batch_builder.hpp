// Makes a RecordBatch of format 2 out of records. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "kafka/compression.hpp"
#include "kafka/record_batch.hpp"

namespace ringmain::kafka {

struct NewRecord {
  int64_t offset = 0;
  int64_t timestamp_ms = no_timestamp;
  std::optional<std::string_view> key{};
  std::optional<std::string_view> value{};
};

// A batch of no records that takes the offsets from the first to the last, as compaction leaves them:
// a reader goes on behind it.
Bytes void_batch(int64_t first_offset, int64_t last_offset);

// The same batch with its records compressed; `none`: as it is. Requires an uncompressed batch of finish(). Error:
// message_too_large (beyond what a length can say).
Result<Bytes> compressed(Bytes batch, Compression codec);

class BatchBuilder {
 public:
  // Appends a record. Offsets ascend, with gaps where there are none (a compacted log, fillers),
  // and stay within INT32_MAX of the first.
  template <class Headers>  // of RecordHeader
  void add(const NewRecord& record, const Headers& headers);
  void add(const NewRecord& record) { add(record, std::span<const RecordHeader>{}); }

  uint32_t record_count() const noexcept { return count_; }
  bool is_empty() const noexcept { return count_ == 0; }
  size_t size_bytes() const noexcept { return bytes_.empty() ? batch_header_bytes : bytes_.size(); }

  // The batch, whose last offset is `last_offset` or, without one, the last record's. The builder
  // is empty then. Requires a record.
  Bytes finish(std::optional<int64_t> last_offset = std::nullopt);

 private:
  friend Bytes void_batch(int64_t first_offset, int64_t last_offset);
  static size_t encoded_bytes(const RecordHeader& header) noexcept;
  // A record without its headers, which follow.
  void begin_record(const NewRecord& record, size_t headers, size_t headers_bytes);
  void put_header(const RecordHeader& header);
  Bytes seal(int64_t last_offset);

  Bytes bytes_;  // header and records
  uint32_t count_ = 0;
  int64_t base_offset_ = 0;
  int64_t last_offset_ = 0;
  int64_t first_timestamp_ms_ = no_timestamp;
  int64_t max_timestamp_ms_ = no_timestamp;
};

template <class Headers>
void BatchBuilder::add(const NewRecord& record, const Headers& headers) {
  size_t headers_bytes = 0;
  for (const RecordHeader& header : headers) headers_bytes += encoded_bytes(header);
  begin_record(record, headers.size(), headers_bytes);
  for (const RecordHeader& header : headers) put_header(header);
}

}  // namespace ringmain::kafka
