#include "client/open_batch.hpp"

#include <algorithm>

#include "client/header_codec.hpp"

namespace ringmain::client {
namespace {

// Nobody sends that much in a request: a batch that claims more is made to fill the reader's memory.
constexpr std::size_t kMostUnpackedBytes = 256u << 20;
constexpr std::int64_t kNsPerMs = 1'000'000;

std::int64_t to_ns(std::int64_t ms) noexcept {
  return std::clamp(ms, INT64_MIN / kNsPerMs, INT64_MAX / kNsPerMs) * kNsPerMs;
}

}  // namespace

Result<std::unique_ptr<OpenBatch>> OpenBatch::open(std::span<const std::byte> body, std::uint64_t base_offset,
                                                   std::uint64_t offset_count) {
  // Its checksum was right when it was stored; on disk the frame has one of its own.
  RINGMAIN_TRY_ASSIGN(batch, kafka::RecordBatch::parse(body, kafka::CheckCrc::no));
  if (batch.header().offset_count() != offset_count)
    return fail(ErrorCode::corrupt_message, "it takes other offsets than its frame says");
  RINGMAIN_TRY_ASSIGN(content, kafka::BatchContent::of(batch, kMostUnpackedBytes));
  return std::unique_ptr<OpenBatch>(new OpenBatch(batch, std::move(content), base_offset));
}

OpenBatch::OpenBatch(const kafka::RecordBatch& batch, kafka::BatchContent content, std::uint64_t base_offset)
    : batch_(batch), content_(std::move(content)),
      walk_(batch_, content_.records(), static_cast<std::int64_t>(base_offset)),
      end_offset_(base_offset + batch_.header().offset_count()), next_offset_(base_offset) {}

Result<bool> OpenBatch::next(std::uint64_t from_offset) {
  // What is in a control batch says how a transaction ended: nobody's record, but it takes its offset.
  while (walk_.next()) {  // a record a turn
    ++walked_;
    const auto offset = static_cast<std::uint64_t>(walk_.record().offset);
    if (batch_.header().is_control() || offset < from_offset) continue;
    const bool is_last = walked_ == static_cast<std::uint32_t>(batch_.header().record_count);
    next_offset_ = is_last ? end_offset_ : offset + 1;
    return true;
  }
  next_offset_ = end_offset_;
  RINGMAIN_TRY(walk_.status());
  return false;
}

Bytes OpenBatch::value() const noexcept {
  const auto& value = walk_.record().value;
  return value && value->data() != nullptr ? *value : Bytes{"", 0};
}

void OpenBatch::fill(ConsumerRecord& record) {
  const kafka::BatchRecord& source = walk_.record();
  record.offset = source.offset;
  record.timestamp_ns = to_ns(source.timestamp_ms);
  record.key = source.key;
  record.value = source.value;
  record.raw_headers = {};
  if (source.header_count == 0) return;
  std::vector<Header> headers;
  for (kafka::HeaderWalk walk(source); walk.next();) headers.push_back({walk.header().key, walk.header().value});
  record.raw_headers = headers_.emplace_back(encode_headers(headers));
}

}  // namespace ringmain::client
