// The partitions that a consumer reads: their sources and positions, and whose turn it is. Where
// records come from is for who derives: LocalPartitions, RemotePartitions. The consumer's polling
// thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/partition_source.hpp"
#include "os/deadline.hpp"
#include "ringmain/consumer.hpp"

namespace ringmain::client {

// auto.offset.reset
enum class Reset { earliest, latest, none };

struct AssignedPartition {
  explicit AssignedPartition(std::unique_ptr<PartitionSource> from) : source(std::move(from)) { source->hold(); }

  std::unique_ptr<PartitionSource> source;
  bool paused = false;
  bool positioned = true;       // false: auto.offset.reset=none, and no seek yet
  bool began = false;           // it was read from
  std::int64_t committed = -1;  // the position that the group knows; -1: none
};

class AssignedPartitions {
 public:
  AssignedPartitions(Reset reset, std::size_t max_records)
      : reset_(reset), max_records_(max_records) {}
  virtual ~AssignedPartitions() = default;

  // Not placed anywhere yet, and not yet one of these. Throws Exception: unknown_topic_or_partition, and what else the way
  // to the partition says.
  AssignedPartition open(const TopicPartition& partition) { return AssignedPartition(open_source(partition)); }
  void add(AssignedPartition partition) {
    lost_before_ -= partition.source->lost();  // counted when it left, if it was here before; else nothing was missed yet
    all_.push_back(std::move(partition));
  }
  void keep_only(const std::set<TopicPartition>& wanted);
  std::vector<AssignedPartition> take_all();

  bool is_empty() const noexcept { return all_.empty(); }
  AssignedPartition* find(const TopicPartition& partition);
  AssignedPartition& at(const TopicPartition& partition);  // throws Exception(invalid_state)
  std::vector<AssignedPartition>& all() noexcept { return all_; }
  const std::vector<AssignedPartition>& all() const noexcept { return all_; }
  std::vector<TopicPartition> list() const;
  std::vector<TopicPartition> paused() const;

  void seek(AssignedPartition& partition, std::int64_t offset) const;
  // Where a partition without a position begins; and one that is new in a topic that is being read: nothing of it was
  // missed. With auto.offset.reset=none a seek must follow.
  void place_at_reset(AssignedPartition& partition) const;
  void place_at_start(AssignedPartition& partition) const;
  // Of a partition whose position is no longer in the log. Throws Exception(offset_out_of_range).
  void reset(AssignedPartition& partition, const std::string& wanted) const;

  // Appends what is there, at most max.poll.records. One partition that fails takes nothing from
  // the others: what they gave is returned first, and the next call throws. `deleted` is told of a
  // partition that is gone, which then is not one of these any more; without it that is an error.
  void gather(std::vector<ConsumerRecord>& records,
              const std::function<void(const TopicPartition&)>& deleted);
  // Sleeps until there may be something, or `signals` are there, or time is up: then false. Whoever
  // sets a signal rings.
  virtual bool wait(const std::atomic<std::uint32_t>& signals, std::int64_t until_ns) = 0;
  // Any thread.
  virtual void ring() noexcept = 0;

  // Finds out where partitions stand whose position is not known, as far as that goes until the
  // deadline, or until there is one of the signals `ending`.
  virtual void settle(const std::atomic<std::uint32_t>& signals, std::uint32_t ending, os::Deadline deadline);

  // Of any partition. Throw Exception.
  virtual std::int64_t start_offset(const TopicPartition& partition) = 0;
  virtual std::int64_t end_offset(const TopicPartition& partition) = 0;
  virtual std::optional<OffsetAndTimestamp> offset_for_time(const TopicPartition& partition,
                                                            std::int64_t timestamp_ms) = 0;
  // Of one of these.
  virtual std::int64_t durable_offset(const PartitionSource& source) = 0;
  virtual std::int64_t log_start_offset(const PartitionSource& source) = 0;

  // Records that the logs dropped before they could be read, of all partitions there ever were.
  std::uint64_t lost() const;

 protected:
  virtual std::unique_ptr<PartitionSource> open_source(const TopicPartition& partition) = 0;
  // Before it is first read from. Throws as reset().
  void begin(AssignedPartition& one) const;
  // Takes records of each partition in turn, beginning with that one, and says by at_ whose it
  // takes. Throws Exception.
  virtual void gather_from(std::vector<ConsumerRecord>& records, std::size_t first) = 0;
  // How many records the partition whose turn is the i-th may give.
  std::size_t share(const std::vector<ConsumerRecord>& records, std::size_t i) const {
    return std::max<std::size_t>(1, (max_records_ - records.size()) / (all_.size() - i));
  }
  bool is_full(const std::vector<ConsumerRecord>& records) const {
    return records.size() >= max_records_;
  }

  std::vector<AssignedPartition> all_;
  std::size_t at_ = 0;  // being read

 private:
  const Reset reset_;
  const std::size_t max_records_;
  std::uint64_t lost_before_ = 0;  // of those that are not here any more
  std::size_t turn_ = 0;
  std::exception_ptr failure_;  // of the last gather(), which returned what it had before
};

}  // namespace ringmain::client
