// One partition, from the broker's side: hands out lines to producers and readers, keeps memory
// prepared ahead of the appenders, takes slots back, repairs after deaths. Runs on the broker's
// thread; all it knows it can derive anew from shared memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/recycler.hpp"
#include "log/repairer.hpp"
#include "log/waker.hpp"
#include "partition/partition_files.hpp"
#include "storage/storage.hpp"

namespace ringmain::partition {

using ParticipantId = std::uint32_t;  // index of its doorbell; never 0

// What tend() leaves to do later.
enum class Tended {
  settled,  // nothing, until somebody rings
  again,    // a repair or a full file system needs another look soon
};

class Partition {
 public:
  // `trimmed_to`: where trim() had let the log on disk start. It starts lower if that lies beyond what a power cut left.
  static Result<std::unique_ptr<Partition>> open(const std::string& folder, PartitionName name,
                                                 const TopicConfig& config, bool fences,
                                                 format::Doorbell* doorbells,
                                                 std::function<void(const std::string&)> log,
                                                 storage::Storage* storage = nullptr,
                                                 std::uint64_t trimmed_to = 0);

  const PartitionName& name() const noexcept { return name_; }
  const PartitionFiles& files() const noexcept { return files_; }
  const log::PartitionView& view() const noexcept { return view_; }

  // A free intent line. Errors: exclusive_taken, policy_violation (all lines taken).
  Result<std::uint32_t> add_producer(ParticipantId participant);
  // A free reader line, pinned to the oldest segment.
  enum class Purpose { consume, observe };
  Result<std::uint32_t> add_reader(ParticipantId participant, Purpose purpose = Purpose::consume);
  // A participant greets a new broker: lines that the last one gave it over an answer that never
  // came go back. A line that a client has learned of is confirmed (client/attachment.cpp).
  void take_back_unconfirmed(ParticipantId participant);
  // A living participant lets a line go; it has nothing unpublished.
  Status remove_producer(ParticipantId participant, std::uint32_t index);
  Status remove_reader(ParticipantId participant, std::uint32_t index);

  // The kernel says that a participant is gone: its pins go, its claims will be repaired.
  void participant_died(ParticipantId participant);
  // Every participant that holds a line here.
  std::vector<ParticipantId> participants() const;

  // Housekeeping: cheap when there is nothing to do.
  Tended tend();

  // Tells everybody that the partition is gone, and wakes them. Its log files go.
  void mark_deleted();

  // Of the oldest record that may be read, and behind the newest that all may read.
  std::uint64_t start_offset() const noexcept;
  std::uint64_t end_offset() const noexcept;
  // Lets the log start at `offset`, from start_offset() to end_offset(); what is below it goes by and by. The caller
  // has written that down, if the log is on disk.
  void trim(std::uint64_t offset);

  // Other settings of the topic, which it may have while it lives. Whoever is attached keeps the largest record that
  // it was told.
  Status configure(const TopicConfig& config);

  bool is_on_disk() const noexcept { return store_ != nullptr; }
  // The log file that holds an offset, or the first one above it; nullopt: it is not on disk.
  std::optional<storage::LogFileEntry> log_file(std::uint64_t offset) const;
  std::uint64_t log_bytes() const { return store_ ? store_->files().total_bytes() : 0; }
  // What keeps the disk from taking more.
  std::optional<Error> storage_fault() const { return store_ ? store_->fault() : std::nullopt; }

  std::uint32_t slots_in_use() const noexcept;
  // Segments that are dropped and still held, with their holders.
  const std::vector<std::pair<std::uint64_t, log::Holder>>& held() const noexcept { return held_; }

 private:
  Partition(PartitionName name, PartitionFiles files, format::Doorbell* doorbells,
            std::function<void(const std::string&)> log);

  Status recover();
  Status attach_store(storage::Storage& storage, const TopicConfig& config, std::uint64_t trimmed_to);
  bool is_new() const noexcept;
  bool is_sane() const noexcept;
  Status check_sane();
  bool repair_all();
  void grow_segments();
  void grow(std::uint32_t slot, bool rolled);
  std::uint64_t usable_bytes(std::uint32_t slot) const noexcept;
  bool prepare_ahead();
  std::optional<std::uint32_t> obtain_slot();
  std::optional<std::uint32_t> reclaim_passed();
  std::optional<std::uint32_t> drop_oldest();
  void drop_trimmed();
  std::uint64_t oldest_in_memory() const noexcept;
  bool may_drop() const noexcept;
  std::optional<std::uint32_t> reclaim_durable();
  std::optional<std::uint32_t> collect_retired();
  bool prepare(std::uint32_t slot);
  bool make_bytes(std::uint32_t slot, std::uint64_t to_bytes);
  void ring_everybody();
  void free_slot(std::uint32_t slot, std::uint64_t segment);

  PartitionName name_;
  PartitionFiles files_;
  log::PartitionView view_;
  log::Recycler recycler_;
  log::Repairer repairer_;
  log::Waker waker_;
  std::function<void(const std::string&)> log_;

  std::unique_ptr<storage::Store> store_;  // none: the topic is in memory
  std::uint64_t first_segment_ = 0;        // of this shared memory
  std::uint64_t first_offset_ = 0;
  std::vector<std::optional<std::uint64_t>> segment_of_;  // by slot; none: free or never used
  std::vector<std::uint64_t> made_bytes_;                 // by slot: memory behind it
  std::vector<std::uint32_t> free_;                       // most recently used last
  std::vector<std::pair<std::uint64_t, log::Holder>> held_;
  std::vector<std::uint32_t> dead_;                       // intents to repair
  bool died_over_claims_ = false;                         // some of them: repairing may take memory
  std::uint32_t used_intents_ = 0;                        // lines below it were handed out once
  bool memory_short_ = false;
  bool shortage_told_ = false, damage_told_ = false;  // in the log, once each
};

}  // namespace ringmain::partition
