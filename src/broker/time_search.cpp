#include "broker/time_search.hpp"

#include <algorithm>

namespace ringmain::broker {
namespace {

using log::ReadOutcome;

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kDisorderMs = 60'000;  // producers have clocks of their own
constexpr std::size_t kBatchContentMax = 64
                                         << 20;  // more than that is not unpacked to look at times

std::int64_t floor_ms(std::int64_t ns) noexcept {
  return ns / kNsPerMs - (ns % kNsPerMs < 0 ? 1 : 0);
}

// What a frame says of its records' largest time; nullopt: it has none.
std::optional<std::int64_t> largest_ms(const format::FrameHeader& frame, std::uint32_t frame_size) {
  if (frame.type == static_cast<std::uint8_t>(format::FrameType::record))
    return floor_ms(frame.extent.load(std::memory_order_relaxed));
  const auto batch = kafka::RecordBatch::parse(
      {frame.body(), frame_size - format::kFrameHeaderBytes}, kafka::CheckCrc::no);
  if (!batch || batch->header().max_timestamp_ms < 0) return std::nullopt;
  return batch->header().max_timestamp_ms;
}

// The record of a frame that is meant: in a batch, the first of that time or later. One that cannot
// be unpacked is told by its first offset.
TimedOffset within(const format::FrameHeader& frame, std::uint32_t frame_size, std::uint64_t offset,
                   std::int64_t timestamp_ms) {
  const TimedOffset whole{offset, largest_ms(frame, frame_size).value_or(timestamp_ms)};
  if (frame.type == static_cast<std::uint8_t>(format::FrameType::record)) return whole;
  const auto batch = kafka::RecordBatch::parse(
      {frame.body(), frame_size - format::kFrameHeaderBytes}, kafka::CheckCrc::no);
  if (!batch) return whole;
  const auto content = kafka::BatchContent::of(*batch, kBatchContentMax);
  if (!content) return whole;
  kafka::RecordWalk walk(*batch, content->records(), static_cast<std::int64_t>(offset));
  while (walk.next())  // a record a turn
    if (walk.record().timestamp_ms >= timestamp_ms)
      return {static_cast<std::uint64_t>(walk.record().offset), walk.record().timestamp_ms};
  return whole;
}

Result<std::optional<TimedOffset>> find_on_disk(LogSource& source, const partition::Partition& partition,
                                                std::int64_t timestamp_ms, std::uint64_t& searched_to) {
  const std::int64_t time_ns =
      std::clamp(timestamp_ms, INT64_MIN / kNsPerMs, INT64_MAX / kNsPerMs) * kNsPerMs;
  while (searched_to < source.oldest_in_memory()) {  // a file a turn
    const auto entry = partition.log_file(searched_to);
    if (entry && entry->largest_ns < time_ns && entry->end_offset > searched_to) {
      searched_to = entry->end_offset;
      continue;
    }
    RINGMAIN_TRY_ASSIGN(file, source.on_disk_at(searched_to));
    RINGMAIN_TRY_ASSIGN(found, file->find_time(time_ns, searched_to));
    if (found) {
      RINGMAIN_TRY(file->seek(found->offset));
      if (file->next() != segment::ColdReader::Outcome::record)
        return tl::make_unexpected(file->damage());
      return std::optional(within(file->frame(), file->frame_size(), file->offset(), timestamp_ms));
    }
    searched_to = file->end_offset();
  }
  return std::optional<TimedOffset>();
}

// The time of the first record of a segment in memory, if that has one.
std::optional<std::int64_t> first_ms(LogSource& source, const partition::Partition& partition,
                                     std::uint64_t segment) {
  const auto slot = partition.view().find(segment);
  if (!slot) return std::nullopt;
  const std::uint64_t base =
      partition.view().segment_in(*slot).base_offset.load(std::memory_order_acquire);
  auto reader = source.in_memory_at(base);
  if (!reader || reader->next_in_segment() != ReadOutcome::record) return std::nullopt;
  return largest_ms(reader->frame(), reader->frame_size());
}

// Where to begin in memory: the last segment that begins early enough, found by halving.
std::uint64_t start_in_memory(LogSource& source, const partition::Partition& partition,
                              std::int64_t timestamp_ms) {
  const auto& control = partition.view().control();
  const std::int64_t early_ms = std::max(timestamp_ms, INT64_MIN + kDisorderMs) - kDisorderMs;
  std::uint64_t from = control.log_start.load(std::memory_order_acquire);
  std::uint64_t to = control.active.load(std::memory_order_acquire);
  while (from < to && to != format::kNoSegment) {
    const std::uint64_t middle = to - (to - from) / 2;
    const auto time_ms = first_ms(source, partition, middle);
    if (time_ms && *time_ms < early_ms)
      from = middle;
    else
      to = middle - 1;
  }
  const auto slot = partition.view().find(from);
  const std::uint64_t base =
      slot ? partition.view().segment_in(*slot).base_offset.load(std::memory_order_acquire) : 0;
  return std::max(base, source.start_offset());
}

// Calls `visit` for each frame in memory from an offset on, until it says true.
template <class Visit>
void walk_memory(LogSource& source, std::uint64_t from, const Visit& visit) {
  auto reader = source.in_memory_at(from);
  while (reader) {  // bounded by what is in memory
    const ReadOutcome outcome = reader->next();
    if (outcome == ReadOutcome::rolled) continue;
    if (outcome != ReadOutcome::record || visit(*reader)) return;
  }
}

}  // namespace

Result<std::optional<TimedOffset>> find_time(LogSource& source,
                                             const partition::Partition& partition,
                                             std::int64_t timestamp_ms) {
  std::uint64_t searched_to = source.start_offset();
  if (partition.is_on_disk()) {
    RINGMAIN_TRY_ASSIGN(found, find_on_disk(source, partition, timestamp_ms, searched_to));
    if (found) return std::optional(*found);
  }
  std::optional<TimedOffset> found;
  walk_memory(source, std::max(searched_to, start_in_memory(source, partition, timestamp_ms)),
              [&](const log::Reader& reader) {
                const auto time_ms = largest_ms(reader.frame(), reader.frame_size());
                if (!time_ms || *time_ms < timestamp_ms) return false;
                found = within(reader.frame(), reader.frame_size(), reader.offset(), timestamp_ms);
                return true;
              });
  return found;
}

Result<std::optional<TimedOffset>> find_largest_time(LogSource& source,
                                                     const partition::Partition& partition) {
  std::optional<std::int64_t> largest;
  std::uint64_t searched_to = source.start_offset();
  while (partition.is_on_disk() && searched_to < source.oldest_in_memory()) {  // a file a turn
    const auto file = partition.log_file(searched_to);
    if (!file || file->end_offset <= searched_to) break;
    if (file->largest_ns != format::kNoLargestNs)
      largest = std::max(largest.value_or(INT64_MIN), floor_ms(file->largest_ns));
    searched_to = file->end_offset;
  }
  walk_memory(source, std::max(source.start_offset(), source.oldest_in_memory()),
              [&](const log::Reader& reader) {
                if (const auto time_ms = largest_ms(reader.frame(), reader.frame_size()))
                  largest = std::max(largest.value_or(INT64_MIN), *time_ms);
                return false;
              });
  if (!largest) return std::optional<TimedOffset>();
  return find_time(source, partition, *largest);
}

}  // namespace ringmain::broker
