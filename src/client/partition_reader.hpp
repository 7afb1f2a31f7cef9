// A reader of one partition: its attachment, its place in the log, and frames made into records.
// One thread. Used by Reader and Consumer.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "client/attachment.hpp"
#include "format/record_body.hpp"
#include "log/reader.hpp"
#include "os/fault.hpp"

namespace ringmain::client {

class PartitionReader {
 public:
  PartitionReader(std::shared_ptr<BusConnection> bus, const TopicPartition& partition, Role role = Role::consumer)
      : attachment_(std::move(bus), partition, role), reader_(attachment_.view(), attachment_.line()) {}

  log::Reader& log() noexcept { return reader_; }
  const log::Reader& log() const noexcept { return reader_; }
  const TopicPartition& partition() const noexcept { return attachment_.partition(); }
  BusConnection& bus() const noexcept { return attachment_.bus(); }
  const Attachment& attachment() const noexcept { return attachment_; }

  // True if next() would bring a record or an error: for a sleeper's last look.
  bool ready() const noexcept { return reader_.ready() || attachment_.is_void(); }

  // Moves to the next record; false if there is none now. Entering a new segment tells the
  // broker, if it waits for that. Throws Exception: corrupt_memory, unknown_topic_or_partition.
  bool next() {
    for (;;) {  // each turn enters a segment, or returns
      switch (reader_.next()) {
        [[likely]] case log::ReadOutcome::record:
          ++streak_;
          return true;
        case log::ReadOutcome::empty:
          if (attachment_.is_void()) [[unlikely]] attachment_.throw_void();
          if (!fall_back()) return false;
          break;
        case log::ReadOutcome::rolled:
          left_segment();
          break;
        case log::ReadOutcome::lost:
          lost_ += reader_.take_lost();
          left_segment();
          break;
        case log::ReadOutcome::corrupt:
          throw_corrupt();
        case log::ReadOutcome::deleted:
          attachment_.throw_deleted();
        case log::ReadOutcome::segment_end:
          return false;
      }
    }
  }

  // The same within the segment at hand: what was read of it stays valid.
  bool next_in_segment() {
    switch (reader_.next_in_segment()) {
      [[likely]] case log::ReadOutcome::record:
        return true;
      case log::ReadOutcome::corrupt:
        throw_corrupt();
      default:
        return false;
    }
  }

  // The value of the record that next() moved to; null values are empty.
  Bytes value() const {
    const auto& frame = reader_.frame();
    const std::uint32_t body = reader_.frame_size() - format::kFrameHeaderBytes;
    if (frame.flags == 0) [[likely]]
      return {reinterpret_cast<const char*>(frame.body()), body};
    return parts().value.value_or(Bytes{reinterpret_cast<const char*>(frame.body()), 0});  // there, if empty
  }

  void fill(ConsumerRecord& record) const {
    const format::RecordParts parts = this->parts();
    record.topic = partition().topic;
    record.partition = partition().partition;
    record.offset = static_cast<std::int64_t>(reader_.offset());
    record.timestamp_ns = reader_.frame().extent.load(std::memory_order_relaxed);
    record.key = parts.key;
    record.value = parts.value;
    record.raw_headers = parts.headers;
  }

  std::uint64_t lost() const noexcept { return lost_; }
  std::int64_t position() const noexcept { return static_cast<std::int64_t>(reader_.next_offset()); }

  // Goes to an offset. False if the log does not hold it (any more, or yet).
  bool seek(std::int64_t offset) {
    check_open();
    const auto outcome = reader_.seek(static_cast<std::uint64_t>(offset));
    left_segment();
    if (outcome == log::SeekOutcome::corrupt) throw_corrupt();
    return outcome == log::SeekOutcome::ok;
  }
  void seek_start() {
    check_open();
    if (reader_.seek_start() == log::SeekOutcome::corrupt) throw_corrupt();
    left_segment();
  }
  void seek_end() {
    check_open();
    if (reader_.seek_end() == log::SeekOutcome::corrupt) throw_corrupt();
    left_segment();
  }

 private:
  // A reader that keeps up with a stream of small records takes each cache line from under the
  // producer's pen, and both go at the pace of line transfers. So in a stream, and only there
  // (after two records or more in a row), it lets the producer get ahead. The wait doubles with
  // each streak, up to about 4 us, and is over with the first miss behind a miss. Figures:
  // docs/benchmarks.md. True: look again.
  bool fall_back() noexcept {
    const bool streaming = std::exchange(streak_, 0) >= kStreak;
    wait_cycles_ = streaming ? std::min<std::uint64_t>(2 * wait_cycles_ + 32, kLongestWaitCycles) : 0;
    const std::uint64_t until = cycles() + wait_cycles_;
    while (streaming && cycles() < until) {
    }
    return streaming;
  }
  static constexpr std::uint32_t kStreak = 2;
  static constexpr std::uint64_t kLongestWaitCycles = 10'000;

  format::RecordParts parts() const {
    const auto& frame = reader_.frame();
    if (frame.type != static_cast<std::uint8_t>(format::FrameType::record) || (frame.flags & ~format::kKnownFlags) != 0)
      throw_corrupt();
    const auto parts =
        format::read_body(frame.body(), reader_.frame_size() - format::kFrameHeaderBytes, frame.flags);
    if (!parts) throw_corrupt();
    return *parts;
  }

  void left_segment() noexcept {
    reader_.note_progress();
    if (const auto slot = attachment_.view().find(reader_.segment()))
      attachment_.will_use(attachment_.view().slot(*slot),
                           std::min(attachment_.view().segment_in(*slot).prepared_bytes.load(std::memory_order_acquire),
                                    attachment_.view().geometry().slot_bytes));
    os::fault_point("reader.left");
    log::SharedMemory::light_barrier(attachment_.view().geometry().fences);
    if (attachment_.view().control().wanted.load(std::memory_order_acquire) != 0) attachment_.bus().ring();
  }

  void check_open() const {
    if (attachment_.view().control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      attachment_.throw_deleted();
  }

  [[noreturn]] void throw_corrupt() const {
    check_open();  // its control words look like damage once it is deleted
    if (attachment_.view().control().state.load(std::memory_order_acquire) !=
        static_cast<std::uint32_t>(format::PartitionState::open))
      attachment_.throw_deleted();
    throw Exception({ErrorCode::corrupt_memory,
                     fmt::format("the shared memory of {}-{} is damaged near offset {} (segment {}): somebody wrote over "
                                 "it; seek past it, or delete the topic",
                                 partition().topic, partition().partition, reader_.next_offset(), reader_.segment())});
  }

  Attachment attachment_;
  log::Reader reader_;
  std::uint64_t lost_ = 0;
  std::uint32_t streak_ = 0;         // records since the last miss
  std::uint64_t wait_cycles_ = 0;    // at the last miss
};

}  // namespace ringmain::client
