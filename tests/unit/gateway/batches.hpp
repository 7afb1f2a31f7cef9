// Record batches as clients send them, and wrong ones.
#pragma once

#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "kafka/batch_builder.hpp"

namespace ringmain::gateway {

inline kafka::Bytes batch_of(const std::vector<std::string>& values) {
  kafka::BatchBuilder builder;
  int64_t offset = 0;
  for (const std::string& value : values) builder.add({offset++, 1000, std::nullopt, value});
  return builder.finish();
}

// Writes a field, big-endian, and makes the checksum right again.
inline void put(kafka::Bytes& batch, size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    batch[at + i] = static_cast<std::byte>(value >> (8 * (size - 1 - i)));
  const uint32_t crc = crc32c(std::span(batch).subspan(kafka::batch_attributes_at));
  for (size_t i = 0; i < 4; ++i)
    batch[kafka::batch_crc_at + i] = static_cast<std::byte>(crc >> (8 * (3 - i)));
}

// The values of all batches, one after the other.
inline std::vector<std::string> values_in(std::span<const std::byte> bytes) {
  std::vector<std::string> values;
  while (!bytes.empty()) {
    const auto batch = kafka::RecordBatch::parse(bytes, kafka::CheckCrc::yes);
    if (!batch) {
      values.push_back("damaged: " + batch.error().message);
      break;
    }
    const auto content = kafka::BatchContent::of(*batch, 64 << 20);
    kafka::RecordWalk walk(*batch, content->records());
    while (walk.next())
      values.push_back(std::to_string(walk.record().offset) + ":" +
                       std::string(walk.record().value.value_or("null")));
    bytes = bytes.subspan(batch->bytes().size());
  }
  return values;
}

}  // namespace ringmain::gateway
