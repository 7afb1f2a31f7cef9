#include "client/local_partitions.hpp"

#include <algorithm>

#include "client/time_seek.hpp"

namespace ringmain::client {
namespace {

PartitionReader& reader_of(const AssignedPartition& one) {
  return static_cast<PartitionReader&>(*one.source);
}
const PartitionReader& reader_of(const PartitionSource& source) {
  return static_cast<const PartitionReader&>(source);
}

}  // namespace

std::unique_ptr<PartitionSource> LocalPartitions::open_source(const TopicPartition& partition) {
  return std::make_unique<PartitionReader>(bus_, partition);
}

// Of one partition only those of one segment, or log file, so that all views stay until the next
// poll.
void LocalPartitions::gather_from(std::vector<ConsumerRecord>& records, std::size_t first) {
  for (std::size_t i = 0; i < all_.size() && !is_full(records); ++i) {
    at_ = (first + i) % all_.size();
    AssignedPartition& one = all_[at_];
    if (one.paused) continue;
    if (!one.began) begin(one);
    PartitionReader& reader = reader_of(one);
    if (!reader.next()) continue;
    const std::size_t most = share(records, i);
    std::size_t taken = 0;
    do {
      reader.fill(records.emplace_back());
      ++taken;
    } while (taken < most && reader.next_in_segment());
    reader.note_progress();
  }
}

bool LocalPartitions::is_ready() const {
  return std::ranges::any_of(
      all_, [](const AssignedPartition& one) { return !one.paused && reader_of(one).ready(); });
}

bool LocalPartitions::wait(const std::atomic<std::uint32_t>& signals, std::int64_t until_ns) {
  std::vector<const log::Reader*> readers;
  for (const AssignedPartition& one : all_)
    if (!one.paused) readers.push_back(&reader_of(one).log());
  return sleeper_.wait(
      bus_->doorbell(), readers,
      [&] { return signals.load(std::memory_order_acquire) != 0 || is_ready(); }, until_ns);
}

void LocalPartitions::ring() noexcept {
  auto& bell = bus_->doorbell().rings;
  bell.fetch_add(1, std::memory_order_release);
  log::SharedMemory::wake_all(bell);
}

std::int64_t LocalPartitions::start_offset(const TopicPartition& partition) {
  PartitionReader reader(bus_, partition, Role::observer);
  reader.seek_start();
  return reader.position();
}

std::int64_t LocalPartitions::end_offset(const TopicPartition& partition) {
  PartitionReader reader(bus_, partition, Role::observer);
  reader.seek_end();
  return reader.position();
}

std::optional<OffsetAndTimestamp> LocalPartitions::offset_for_time(const TopicPartition& partition,
                                                                   std::int64_t timestamp_ms) {
  PartitionReader reader(bus_, partition, Role::observer);
  const TimeOnDisk on_disk = find_time_on_disk(reader, timestamp_ms);
  if (!on_disk.found || !reader.seek(static_cast<std::int64_t>(
                            on_disk.found->offset)))  // of a batch it is the first offset
    seek_before_time(reader, timestamp_ms, on_disk.searched_to);
  ConsumerRecord record;
  while (reader.next()) {  // ends at the newest record
    reader.fill(record);
    if (record.timestamp_ns / 1'000'000 >= timestamp_ms)
      return OffsetAndTimestamp{record.offset, record.timestamp_ns};
  }
  return std::nullopt;
}

std::int64_t LocalPartitions::durable_offset(const PartitionSource& source) {
  return static_cast<std::int64_t>(reader_of(source).durable_offset());
}

std::int64_t LocalPartitions::log_start_offset(const PartitionSource& source) {
  return static_cast<std::int64_t>(reader_of(source).log_start_offset());
}

}  // namespace ringmain::client
