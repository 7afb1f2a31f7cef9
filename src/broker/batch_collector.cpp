#include "broker/batch_collector.hpp"

#include <algorithm>

#include "format/record_body.hpp"
#include "format/record_headers.hpp"

namespace ringmain::broker {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// Native records go out in batches of about so much: a client unpacks one at a time.
constexpr std::size_t kBuiltBatchBytes = 256 << 10;
constexpr std::size_t kMostBuiltRecords = 100'000;
constexpr std::uint64_t kMostBuiltOffsets =
    1 << 30;  // a batch counts them in 31 bits; most may be void
constexpr std::size_t kRecordOverheadBytes = 32;  // of lengths, deltas and counts, at the most

std::vector<kafka::RecordHeader> headers_of(std::string_view encoded, bool& sound) {
  std::vector<kafka::RecordHeader> headers;
  format::RecordHeadersWalk walk(encoded);
  while (walk.next()) headers.push_back({walk.name(), walk.value()});  // a header a turn
  sound = walk.is_complete();
  return headers;
}

// Towards the past, also before 1970.
std::int64_t floor_ms(std::int64_t ns) noexcept {
  return ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
}

}  // namespace

BatchCollector::Outcome BatchCollector::add(const format::FrameHeader& frame,
                                            std::uint32_t frame_size, std::uint64_t offset) {
  const std::span<const std::byte> body(frame.body(), frame_size - format::kFrameHeaderBytes);
  return frame.type == static_cast<std::uint8_t>(format::FrameType::batch)
             ? add_batch(body, frame, offset)
             : add_record(body, frame, offset);
}

BatchCollector::Outcome BatchCollector::add_batch(std::span<const std::byte> body,
                                                  const format::FrameHeader& frame,
                                                  std::uint64_t offset) {
  const auto batch = kafka::RecordBatch::parse(body, kafka::CheckCrc::no);
  if (!batch || batch->bytes().size() != body.size() ||
      batch->header().base_offset != static_cast<std::int64_t>(offset) ||
      std::int64_t{batch->header().offset_count()} != frame.extent.load(std::memory_order_relaxed))
    return Outcome::damaged;
  if (!has_room(body.size())) return Outcome::full;
  finish();  // offsets ascend
  into_.records.add(body);
  taken_to_ = offset + batch->header().offset_count();
  into_taken_ += body.size();
  must_take_ = false;
  return Outcome::taken;
}

BatchCollector::Outcome BatchCollector::add_record(std::span<const std::byte> body,
                                                   const format::FrameHeader& frame,
                                                   std::uint64_t offset) {
  if ((frame.flags & ~format::kKnownFlags) != 0) return Outcome::damaged;
  const auto parts =
      format::read_body(body.data(), static_cast<std::uint32_t>(body.size()), frame.flags);
  if (!parts) return Outcome::damaged;
  const std::size_t bytes = body.size() + kRecordOverheadBytes;
  if (!has_room(bytes)) return Outcome::full;
  if (builder_.is_empty()) built_from_ = offset;
  if (offset - built_from_ >= kMostBuiltOffsets) finish();
  const kafka::NewRecord record{static_cast<std::int64_t>(offset),
                                floor_ms(frame.extent.load(std::memory_order_relaxed)), parts->key,
                                parts->value};
  if (parts->headers.empty()) {
    builder_.add(record);
  } else {
    bool sound = false;
    const auto headers = headers_of(parts->headers, sound);
    if (!sound) return Outcome::damaged;
    builder_.add(record, headers);
  }
  taken_to_ = offset + 1;
  into_taken_ += bytes;
  must_take_ = false;
  if (builder_.size_bytes() >= kBuiltBatchBytes || builder_.record_count() >= kMostBuiltRecords)
    finish();
  return Outcome::taken;
}

void BatchCollector::finish() {
  if (builder_.is_empty()) return;
  into_.records.add(into_.made.emplace_back(builder_.finish()));
}

void BatchCollector::finish_at_end(std::uint64_t from_offset, std::uint64_t end_offset) {
  finish();
  const std::uint64_t from = std::max(from_offset, taken_to_);
  if (from >= end_offset) return;
  const std::uint64_t to = std::min(end_offset, from + kMostBuiltOffsets);
  into_.records.add(into_.made.emplace_back(
      kafka::void_batch(static_cast<std::int64_t>(from), static_cast<std::int64_t>(to) - 1)));
}

}  // namespace ringmain::broker
