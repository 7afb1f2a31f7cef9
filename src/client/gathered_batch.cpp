#include "client/gathered_batch.hpp"

#include "base/clock.hpp"
#include "client/header_codec.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// Of what stands beside key, value and header bytes: lengths and deltas, at their longest.
constexpr std::size_t kRecordExtraBytes = 32;
constexpr std::size_t kHeaderExtraBytes = 10;

}  // namespace

std::size_t GatheredBatch::most_bytes_of(const ProducerRecord& record) noexcept {
  std::size_t bytes = kRecordExtraBytes + (record.key ? record.key->size() : 0) +
                      (record.value ? record.value->size() : 0);
  for (const Header& header : record.headers)
    bytes += kHeaderExtraBytes + header.key.size() + (header.value ? header.value->size() : 0);
  return bytes;
}

void GatheredBatch::check(const ProducerRecord& record) {
  if (!record.headers.empty()) static_cast<void>(encode_headers(record.headers));
}

void GatheredBatch::add(const ProducerRecord& record, const DeliveryCallback& callback) {
  const std::int64_t now_ms =
      record.timestamp_ns == kTimestampNow ? now_real_ms() : record.timestamp_ns / kNsPerMs;
  std::vector<kafka::RecordHeader> headers;
  for (const Header& header : record.headers) headers.push_back({header.key, header.value});
  builder.add({static_cast<std::int64_t>(records.size()), now_ms, record.key, record.value},
              headers);
  records.push_back({now_ms * kNsPerMs, callback});
}

}  // namespace ringmain::client
