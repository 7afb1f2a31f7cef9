#include "broker/unpacked_batch.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "format/record_headers.hpp"
#include "format/tail_word.hpp"
#include "log/frame_writer.hpp"

namespace ringmain::broker {
namespace {

using Writer = log::FrameWriter<log::SharedMemory>;

constexpr std::size_t kMostUnpackedBytes = 256u << 20;
constexpr std::int64_t kNsPerMs = 1'000'000;

Result<std::string> encode_headers(const kafka::BatchRecord& record) {
  format::RecordHeadersBuilder builder;
  for (kafka::HeaderWalk walk(record); walk.next();)
    if (!builder.add(walk.header().key, walk.header().value))
      return fail(ErrorCode::invalid_record, "a record has more than 65535 headers, or one whose name is longer than that");
  return std::move(builder).finish();
}

}  // namespace

Result<UnpackedBatch> UnpackedBatch::open(std::span<const std::byte> bytes, std::uint32_t max_frame_bytes) {
  UnpackedBatch made;
  made.batch_.assign(bytes.begin(), bytes.end());
  RINGMAIN_TRY_ASSIGN(batch, kafka::RecordBatch::parse(made.batch_, kafka::CheckCrc::no));
  std::span<const std::byte> content = batch.payload();
  if (batch.header().compression() != kafka::Compression::none) {
    RINGMAIN_TRY_ASSIGN(unpacked, kafka::decompress(batch.header().compression(), content, kMostUnpackedBytes));
    content = made.unpacked_.emplace_back(std::move(unpacked));
  }
  made.headers_.reserve(static_cast<std::size_t>(batch.header().record_count));  // records refer to them
  kafka::RecordWalk walk(batch, content);
  while (walk.next()) {  // a record a turn
    const kafka::BatchRecord& record = walk.record();
    if (!record.key)
      return fail(ErrorCode::invalid_record, "a record without a key, for a topic that is compacted (cleanup.policy=compact)");
    Record& added = made.records_.emplace_back();
    added.timestamp_ns = std::clamp(record.timestamp_ms, INT64_MIN / kNsPerMs, INT64_MAX / kNsPerMs) * kNsPerMs;
    added.parts = {record.key, record.value, {}};
    if (record.header_count != 0) {
      RINGMAIN_TRY_ASSIGN(headers, encode_headers(record));
      added.parts.headers = made.headers_.emplace_back(std::move(headers));
    }
    if (format::kFrameHeaderBytes + added.parts.body_bytes() > max_frame_bytes)
      return fail(ErrorCode::message_too_large, fmt::format("a record of {} bytes: unpacked it is larger than a record may be",
                                                            added.parts.body_bytes()));
  }
  RINGMAIN_TRY(walk.status());
  return made;
}

UnpackedBatch::Run UnpackedBatch::next_run(std::uint32_t max_bytes) const noexcept {
  Run run;
  for (std::size_t i = written_; i < records_.size() && run.count < format::kMaxClaimRecords; ++i) {
    const std::uint32_t bytes = format::align_frame(records_[i].frame_bytes());
    if (bytes > max_bytes - run.bytes) break;
    run.bytes += bytes;
    ++run.count;
  }
  return run;
}

std::uint32_t UnpackedBatch::write(const log::Claim& claim, const Run& run, std::uint16_t owner, std::int64_t append_time_ns) {
  std::byte* at = claim.at;
  for (std::size_t i = 0; i < run.count; ++i) {
    const Record& record = records_[written_ + i];
    const std::uint32_t size = record.frame_bytes();
    if (i != 0) Writer::place_inside(at, size, claim.tag);
    const std::int64_t time_ns = append_time_ns < 0 ? record.timestamp_ns : append_time_ns;
    Writer::write_fields(at, {claim.offset + i, time_ns, format::FrameType::record, record.parts.flags(), owner});
    format::write_body(at + format::kFrameHeaderBytes, record.parts);
    at += format::align_frame(size);
  }
  const std::uint32_t first = records_[written_].frame_bytes();
  written_ += run.count;
  return first;
}

}  // namespace ringmain::broker
