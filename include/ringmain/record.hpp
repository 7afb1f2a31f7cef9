// Records: what a producer sends and a consumer receives.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ringmain/bytes.hpp"

namespace ringmain {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  auto operator<=>(const TopicPartition&) const = default;
};

// A header of a record: a name and bytes, which may be null.
struct Header {
  Bytes key;
  std::optional<Bytes> value;

  bool operator==(const Header&) const = default;
};

inline constexpr std::int32_t kAnyPartition = -1;
inline constexpr std::int64_t kTimestampNow = -1;

// A record to send. The views need to live only until the call returns.
struct ProducerRecord {
  std::string_view topic;
  std::optional<Bytes> key = std::nullopt;    // null: the partitioner spreads it
  std::optional<Bytes> value = std::nullopt;  // null: a tombstone
  std::int32_t partition = kAnyPartition;     // or the one to use
  std::int64_t timestamp_ns = kTimestampNow;  // since 1970
  std::span<const Header> headers = {};
};

// Where a record went.
struct RecordMetadata {
  std::int32_t partition = -1;
  std::int64_t offset = -1;
  std::int64_t timestamp_ns = -1;
};

// A received record. Views point into shared memory (no copy was made), or over TCP into what the
// broker sent, and stay valid until the next poll() of its consumer; copy what must live longer.
struct ConsumerRecord {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ns = 0;  // since 1970
  std::optional<Bytes> key;
  std::optional<Bytes> value;

  // Decoded on demand.
  std::vector<Header> headers() const;

  std::string_view raw_headers;  // encoded; for headers()
};

}  // namespace ringmain
