// Receives records of topics, in order by partition, in place.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
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

// An offset that a group has come to (the next one to read), and a text of its user's beside it.
struct OffsetAndMetadata {
  std::int64_t offset = -1;
  std::string metadata = {};

  bool operator==(const OffsetAndMetadata&) const = default;
};
using CommittedOffsets = std::map<TopicPartition, OffsetAndMetadata>;

// What became of a commit_async(): no error, or why it was not kept.
using CommitCallback =
    std::function<void(const CommittedOffsets& offsets, const std::optional<Error>& error)>;

// Who a consumer is in its group.
struct GroupMetadata {
  std::string group;
  std::string member;  // empty: it is not in the group at present
  std::int32_t generation = -1;
};

// Told which partitions a member of a group gets and gives up. Called inside of its consumer's
// poll(), subscribe(), assign() and close(), by the thread that called those; it may call the
// consumer's other functions. What it throws comes out of that call, when the rebalance is done.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  // After each rebalance: what is new, perhaps nothing. Positions are set and may be changed.
  virtual void on_assigned(const std::vector<TopicPartition>&) {}
  // Before other members get these: the last moment to commit what was done with their records.
  virtual void on_revoked(const std::vector<TopicPartition>&) {}
  // The group went on without this member, so that others may be reading these already: nothing can
  // be committed any more.
  virtual void on_lost(const std::vector<TopicPartition>& partitions) { on_revoked(partitions); }
};

// Settings (Kafka's names):
//   auto.offset.reset   latest   or earliest, none: where a partition without a position starts
//   max.poll.records    500
//   wait.strategy       sleep    or yield, spin: what poll() does while there is nothing
//   metadata.max.age.ms 300000   how soon a subscription notices new partitions
//   group.id            none     the group whose members share the partitions of their topics
//   and those of groups: docs/configuration.md, docs/groups.md
//
// Of a Bus that was opened with BusOptions::bootstrap it reads over TCP, in the same way; what is
// different is told beside the functions, and in docs/kafka.md.
//
// Thread safety: one thread at a time, but for wakeup().
class Consumer {
 public:
  // Throws Exception(invalid_config).
  explicit Consumer(Bus& bus, const Config& config = {});
  Consumer(Consumer&&) noexcept;
  // As close(), but tells neither listener nor callbacks, and takes some seconds at the most.
  ~Consumer();

  // All partitions of these topics, new ones included. Replaces what was read before.
  // With group.id: this member's part of them, from the next polls on, and what the others leave
  // when they go. Each partition begins at the group's committed offset, or where auto.offset.reset
  // says. A topic that does not exist is no error then: it is shared out once it does.
  void subscribe(const std::vector<std::string>& topics,
                 std::shared_ptr<RebalanceListener> listener = nullptr);
  // Just these partitions; leaves the group. With group.id they begin at its committed offsets.
  void assign(const std::vector<TopicPartition>& partitions);
  std::vector<TopicPartition> assignment() const;

  // Waits up to `timeout` for records. The views of the last poll end here. Throws Exception:
  // corrupt_memory (with topic, partition and place), corrupt_message (with log file and offset),
  // offset_out_of_range (auto.offset.reset=none), unknown_topic_or_partition (deleted; not in a
  // group, whose members get what is left), and in a group fenced_instance_id and what else the
  // coordinator refuses. What is on disk only is asked of the broker, file by file: while there is
  // none, that waits for one. A member that does not call it for max.poll.interval.ms is out of its
  // group, and comes back with the next call.
  const ConsumerRecords& poll(std::chrono::nanoseconds timeout);

  // Makes a poll() that waits return at once, now or next time. Thread safe.
  void wakeup() noexcept;

  // Goes there. An offset that the log does not hold: where auto.offset.reset says; with "none"
  // throws Exception(offset_out_of_range). Over TCP poll() finds that out.
  void seek(const TopicPartition& partition, std::int64_t offset);
  void seek_to_beginning(const std::vector<TopicPartition>& partitions);
  void seek_to_end(const std::vector<TopicPartition>& partitions);
  // The offset of the next record that poll() will return. Over TCP it may be asked of the broker:
  // Exception(request_timed_out) if none answers.
  std::int64_t position(const TopicPartition& partition);

  // Of an assigned partition, by a load and no call: records below the first are on disk (0 in a
  // memory topic), and the second is of the oldest record that can be read. Over TCP the first throws
  // Exception(unsupported_version), and the second is as the last answer said.
  std::int64_t durable_offset(const TopicPartition& partition);
  std::int64_t log_start_offset(const TopicPartition& partition);

  void pause(const std::vector<TopicPartition>& partitions);
  void resume(const std::vector<TopicPartition>& partitions);
  std::vector<TopicPartition> paused() const;

  // The first record at or after a time, by partition; no value where there is none.
  std::map<TopicPartition, std::optional<OffsetAndTimestamp>> offsets_for_times(
      const std::map<TopicPartition, std::int64_t>& timestamps_ms);
  std::map<TopicPartition, std::int64_t> beginning_offsets(
      const std::vector<TopicPartition>& partitions);
  // One past the newest published record.
  std::map<TopicPartition, std::int64_t> end_offsets(const std::vector<TopicPartition>& partitions);

  // ---- commits; all need group.id. By default they are made every auto.commit.interval.ms, of
  // what earlier polls returned (enable.auto.commit).

  // How far this consumer has come in each of its partitions: what poll() returned counts as done.
  // Durable as __consumer_offsets is (on disk, by default) when it returns. Throws Exception:
  // unknown_member_id, illegal_generation (the group went on without this member),
  // rebalance_in_progress (poll, and try again), fenced_instance_id, request_timed_out,
  // broker_unavailable.
  void commit_sync();
  void commit_sync(const CommittedOffsets& offsets);
  // Without waiting; the callback is called inside a later poll(), commit_sync() or close(), in the
  // order of the commits. Not tried again if it fails.
  void commit_async(CommitCallback callback = nullptr);
  void commit_async(const CommittedOffsets& offsets, CommitCallback callback = nullptr);
  // What the group has committed; no entry where it has nothing.
  CommittedOffsets committed(const std::vector<TopicPartition>& partitions);
  GroupMetadata group_metadata() const;

  // Commits (enable.auto.commit), gives up all partitions and leaves the group, so that others have
  // them at once; a static member (group.instance.id) keeps its place for its session. Afterwards
  // only the destructor may be called. Throws what the listener throws, when all is done.
  void close(std::chrono::nanoseconds timeout = std::chrono::seconds(30));

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
  ConsumerRecords records_;
};

}  // namespace ringmain
