// Receives records of topics, in order by partition, in place.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "ringmain/bus.hpp"
#include "ringmain/record.hpp"

namespace ringmain {

// What one poll() returned. Records of one partition are in offset order.
class ConsumerRecords {
 public:
  auto begin() const noexcept { return records_.begin(); }
  auto end() const noexcept { return records_.end(); }
  bool empty() const noexcept { return records_.empty(); }
  std::size_t count() const noexcept { return records_.size(); }
  const ConsumerRecord& operator[](std::size_t index) const { return records_[index]; }
  // Records that the topic dropped before this poll could read them: a memory topic when its memory
  // was used up, a persistent one when retention took them.
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  friend class Consumer;
  std::vector<ConsumerRecord> records_;
  std::uint64_t lost_ = 0;
};

struct OffsetAndTimestamp {
  std::int64_t offset = -1;
  std::int64_t timestamp_ns = -1;
};

// Settings (Kafka's names):
//   auto.offset.reset   latest   or earliest, none: where a partition without a position starts
//   max.poll.records    500
//   wait.strategy       sleep    or yield, spin: what poll() does while there is nothing
//   metadata.max.age.ms 300000   how soon a subscription notices new partitions
//
// Thread safety: one thread at a time, but for wakeup().
class Consumer {
 public:
  // Throws Exception(invalid_config).
  explicit Consumer(Bus& bus, const Config& config = {});
  Consumer(Consumer&&) noexcept;
  ~Consumer();

  // All partitions of these topics, new ones included. Replaces what was read before.
  void subscribe(const std::vector<std::string>& topics);
  // Just these partitions.
  void assign(const std::vector<TopicPartition>& partitions);
  std::vector<TopicPartition> assignment() const;

  // Waits up to `timeout` for records. The views of the last poll end here. Throws Exception:
  // corrupt_memory (with topic, partition and place), corrupt_message (with log file and offset),
  // offset_out_of_range (auto.offset.reset=none), unknown_topic_or_partition (deleted). What is on
  // disk only is asked of the broker, file by file: while there is none, that waits for one.
  const ConsumerRecords& poll(std::chrono::nanoseconds timeout);

  // Makes a poll() that waits return at once, now or next time. Thread safe.
  void wakeup() noexcept;

  void seek(const TopicPartition& partition, std::int64_t offset);
  void seek_to_beginning(const std::vector<TopicPartition>& partitions);
  void seek_to_end(const std::vector<TopicPartition>& partitions);
  // The offset of the next record that poll() will return.
  std::int64_t position(const TopicPartition& partition);

  // Of an assigned partition, by a load and no call: records below the first are on disk (0 in a
  // memory topic), and the second is of the oldest record that can be read.
  std::int64_t durable_offset(const TopicPartition& partition);
  std::int64_t log_start_offset(const TopicPartition& partition);

  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  std::vector<TopicPartition> paused() const;

  // The first record at or after a time, by partition; no value where there is none.
  std::map<TopicPartition, std::optional<OffsetAndTimestamp>> offsets_for_times(
      const std::map<TopicPartition, std::int64_t>& timestamps_ms);
  std::map<TopicPartition, std::int64_t> beginning_offsets(const std::vector<TopicPartition>& partitions);
  // One past the newest published record.
  std::map<TopicPartition, std::int64_t> end_offsets(const std::vector<TopicPartition>& partitions);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
  ConsumerRecords records_;
};

}  // namespace ringmain
