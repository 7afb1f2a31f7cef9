#include "partition/partition.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "os/fault.hpp"

namespace ringmain::partition {

Partition::Partition(PartitionName name, PartitionFiles files, format::Doorbell* doorbells,
                     std::function<void(const std::string&)> log)
    : name_(std::move(name)), files_(std::move(files)), view_(files_.view(doorbells)), recycler_(view_),
      repairer_(view_), waker_(view_), log_(std::move(log)) {
  segment_of_.resize(view_.geometry().slot_limit);
  made_bytes_.resize(view_.geometry().slot_limit);
}

Result<std::unique_ptr<Partition>> Partition::open(const std::string& folder, PartitionName name,
                                                   const TopicConfig& config, bool fences,
                                                   format::Doorbell* doorbells,
                                                   std::function<void(const std::string&)> log,
                                                   storage::Storage* storage, std::uint64_t trimmed_to) {
  RINGMAIN_TRY_ASSIGN(files, PartitionFiles::open(folder, name, config, fences));
  std::unique_ptr<Partition> partition(
      new Partition(std::move(name), std::move(files), doorbells, std::move(log)));
  RINGMAIN_TRY(partition->recover());
  if (config.on_disk) {
    if (storage == nullptr)
      return fail(ErrorCode::invalid_state, fmt::format("{} has storage=disk, and this broker keeps nothing on disk", partition->name_.text()));
    RINGMAIN_TRY(partition->attach_store(*storage, config, trimmed_to));
  }
  // The last broker may have died between a step and its barrier or its ring.
  log::SharedMemory::heavy_barrier(partition->view_.geometry().fences);
  partition->tend();
  partition->recycler_.ring_memory_bell();
  partition->ring_everybody();
  if (partition->is_new())
    return fail(ErrorCode::no_space,
                fmt::format("no shared memory for partition {}: the file system of {} is full; free some, or choose "
                            "another folder with RINGMAIN_SHM",
                            partition->name_.text(), partition->files_.path()));
  return partition;
}

// Finds out from the slots' headers and the directory which slot holds what.
Status Partition::recover() {
  const auto& geometry = view_.geometry();
  auto& control = view_.control();
  const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  RINGMAIN_TRY(check_sane());
  for (std::uint32_t slot = geometry.slot_limit; slot-- > 0;) {
    const auto& header = view_.segment_in(slot);
    if (is_new() || header.magic != format::kSegmentMagic) continue;  // never used
    const std::uint64_t made = header.prepared_bytes.load(std::memory_order_relaxed);
    made_bytes_[slot] = std::min((made + format::kPageBytes - 1) / format::kPageBytes * format::kPageBytes,
                                 geometry.slot_bytes);
    const bool live = log::Recycler::checksum(header) == header.header_crc32c && header.sequence < prepared &&
                      view_.find(header.sequence) == slot;
    if (live)
      segment_of_[slot] = header.sequence;
    else
      free_.push_back(slot);
  }
  if (!is_new() && !view_.find(active))
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{} is damaged: no slot holds its active segment {}; delete the topic", files_.path(),
                            active));
  for (std::uint32_t i = 0; i < format::kMaxProducers; ++i)
    if (view_.intent(i).participant.load(std::memory_order_acquire) != 0) used_intents_ = i + 1;
  return {};
}

// No segment has been prepared yet.
bool Partition::is_new() const noexcept {
  return view_.control().prepared.load(std::memory_order_relaxed) == view_.control().active.load(std::memory_order_relaxed);
}

// Finds out how far the disk is, and lets the log go on there.
Status Partition::attach_store(storage::Storage& storage, const TopicConfig& config, std::uint64_t trimmed_to) {
  auto store = std::make_unique<storage::Store>(storage, storage.owner(name_.topic, name_.topic_id, name_.partition),
                                                config.store, config.upkeep);
  RINGMAIN_TRY_ASSIGN(recovered, store->recover(is_new() ? nullptr : &view_));
  for (const std::string& note : recovered.notes) log_(note);
  auto& control = view_.control();
  if (is_new()) {
    // In this order: after a death in the middle it is still new, or damaged to the eye of is_sane() and made anew.
    first_segment_ = recovered.start.sequence;
    first_offset_ = recovered.start.base_offset;
    control.log_start.store(first_segment_, std::memory_order_relaxed);
    control.active.store(first_segment_, std::memory_order_relaxed);
    control.prepared.store(first_segment_, std::memory_order_release);
  }
  const std::uint64_t end = is_new() ? first_offset_ : end_offset();
  const std::uint64_t start = std::max(recovered.start_offset, std::min(trimmed_to, end));
  control.storage.store(static_cast<std::uint32_t>(format::StorageState::healthy), std::memory_order_release);
  control.persister.store(format::kPersister, std::memory_order_release);
  std::optional<std::uint32_t> line;
  for (std::uint32_t i = 0; i < format::kMaxReaders; ++i)  // that of the last broker's persister
    if (view_.readers().lines[i].participant.load(std::memory_order_acquire) == format::kPersister) line = i;
  if (!line) {
    RINGMAIN_TRY_ASSIGN(added, add_reader(format::kPersister, Purpose::observe));
    line = added;
  }
  view_.readers().lines[*line].pin.store(0, std::memory_order_release);  // durable_segments() holds what it needs
  store_ = std::move(store);
  store_->begin(view_, std::move(recovered.start), *line, start);
  return {};
}

std::optional<storage::LogFileEntry> Partition::log_file(std::uint64_t offset) const {
  return store_ ? store_->files().find(offset) : std::nullopt;
}

Status Partition::configure(const TopicConfig& config) {
  if (store_) store_->configure(config.store, config.upkeep);
  return files_.set_max_record_bytes(config.max_message_bytes);
}

// Producers can write to words that are the broker's, or jump over those that are theirs. Whatever
// stands there, the broker's loops end: all segments from the oldest to the newest have slots.
bool Partition::is_sane() const noexcept {
  const auto& control = view_.control();
  const std::uint64_t log_start = control.log_start.load(std::memory_order_acquire);
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
  if (prepared == active) return log_start == active;  // just made
  return log_start <= active && active < prepared && prepared - log_start <= view_.geometry().slot_limit;
}

Status Partition::check_sane() {
  if (is_sane()) return {};
  const auto& control = view_.control();
  const Error error{ErrorCode::corrupt_memory,
                    fmt::format("the shared memory of partition {} ({}) is damaged: its segments {} to {} with {} active "
                                "make no sense; somebody wrote over them: delete the topic",
                                name_.text(), files_.path(), control.log_start.load(), control.prepared.load(),
                                control.active.load())};
  if (!std::exchange(damage_told_, true)) log_(error.message);
  return tl::make_unexpected(error);
}

Result<std::uint32_t> Partition::add_producer(ParticipantId participant) {
  RINGMAIN_TRY(check_sane());
  if (view_.geometry().single_producer) {
    for (std::uint32_t i = 0; i < used_intents_; ++i)
      if (view_.intent(i).participant.load(std::memory_order_acquire) != 0)
        return fail(ErrorCode::exclusive_taken,
                    fmt::format("topic {} has single.producer=true and partition {} has its producer already",
                                name_.topic, name_.partition));
  }
  for (std::uint32_t i = 0; i < format::kMaxProducers; ++i) {
    auto& line = view_.intent(i);
    if (line.participant.load(std::memory_order_acquire) != 0) continue;
    line.word.store(0, std::memory_order_relaxed);
    line.offset.store(format::kNoOffset, std::memory_order_relaxed);  // not confirmed yet
    line.participant.store(participant, std::memory_order_release);
    used_intents_ = std::max(used_intents_, i + 1);
    return i;
  }
  return fail(ErrorCode::policy_violation,
              fmt::format("partition {} has {} producers, the most there can be; close some", name_.text(),
                          format::kMaxProducers));
}

Result<std::uint32_t> Partition::add_reader(ParticipantId participant, Purpose purpose) {
  RINGMAIN_TRY(check_sane());
  for (std::uint32_t i = 0; i < format::kMaxReaders; ++i) {
    auto& line = view_.readers().lines[i];
    if (line.participant.load(std::memory_order_acquire) != 0) continue;
    // Retiring happens on this thread too, so the pin holds from here on.
    line.pin.store(view_.control().log_start.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    line.next_offset.store(format::kNoOffset, std::memory_order_relaxed);  // not confirmed yet
    line.observer.store(purpose == Purpose::observe ? 1 : 0, std::memory_order_relaxed);
    line.participant.store(participant, std::memory_order_release);
    return i;
  }
  return fail(ErrorCode::policy_violation,
              fmt::format("partition {} has {} readers, the most there can be; close some", name_.text(),
                          format::kMaxReaders));
}

void Partition::take_back_unconfirmed(ParticipantId participant) {
  const auto take = [](std::atomic<std::uint64_t>& word) {
    std::uint64_t unconfirmed = format::kNoOffset;
    return word.compare_exchange_strong(unconfirmed, 0, std::memory_order_acq_rel, std::memory_order_acquire);
  };
  for (std::uint32_t i = 0; i < used_intents_; ++i) {
    auto& line = view_.intent(i);
    if (line.participant.load(std::memory_order_acquire) == participant && take(line.offset))
      line.participant.store(0, std::memory_order_release);  // it claimed nothing yet
  }
  for (std::uint32_t i = 0; i < format::kMaxReaders; ++i) {
    auto& line = view_.readers().lines[i];
    if (line.participant.load(std::memory_order_acquire) == participant && take(line.next_offset))
      static_cast<void>(remove_reader(participant, i));
  }
}

Status Partition::remove_producer(ParticipantId participant, std::uint32_t index) {
  if (index >= format::kMaxProducers || view_.intent(index).participant.load() != participant)
    return fail(ErrorCode::invalid_request, "producer line " + std::to_string(index) + " is not yours");
  dead_.push_back(index);  // whatever it left is put right as after a death
  return {};
}

Status Partition::remove_reader(ParticipantId participant, std::uint32_t index) {
  if (index >= format::kMaxReaders || view_.readers().lines[index].participant.load() != participant)
    return fail(ErrorCode::invalid_request, "reader line " + std::to_string(index) + " is not yours");
  auto& line = view_.readers().lines[index];
  line.pin.store(0, std::memory_order_release);
  log::Waker::unmark(view_, index);
  line.participant.store(0, std::memory_order_release);
  return {};
}

void Partition::participant_died(ParticipantId participant) {
  for (std::uint32_t i = 0; i < format::kMaxReaders; ++i)
    if (view_.readers().lines[i].participant.load(std::memory_order_acquire) == participant)
      static_cast<void>(remove_reader(participant, i));
  for (std::uint32_t i = 0; i < used_intents_; ++i)
    if (view_.intent(i).participant.load(std::memory_order_acquire) == participant &&
        std::find(dead_.begin(), dead_.end(), i) == dead_.end()) {
      dead_.push_back(i);
      died_over_claims_ = true;
    }
}

std::vector<ParticipantId> Partition::participants() const {
  std::vector<ParticipantId> ids;
  for (std::uint32_t i = 0; i < used_intents_; ++i)
    if (const auto id = view_.intent(i).participant.load(std::memory_order_acquire)) ids.push_back(id);
  for (auto& line : view_.readers().lines) {
    const auto id = line.participant.load(std::memory_order_acquire);
    if (id != 0 && id != format::kPersister) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Tended Partition::tend() {
  memory_short_ = false;
  if (!check_sane()) return Tended::settled;  // the others are tended all the same
  grow_segments();
  const bool repaired = repair_all();
  const bool prepared = prepare_ahead();
  if (!prepared && !memory_short_) {
    // Everything is held: ask readers to ring when they move, and look once more, since one
    // may have moved before it could see the question.
    view_.control().wanted.store(1, std::memory_order_release);
    log::SharedMemory::heavy_barrier(view_.geometry().fences);
    if (prepare_ahead()) view_.control().wanted.store(0, std::memory_order_release);
  } else {
    view_.control().wanted.store(0, std::memory_order_release);
  }
  return repaired && !memory_short_ ? Tended::settled : Tended::again;
}

bool Partition::repair_all() {
  bool all_done = true;
  const auto is_dead = [this](std::uint32_t index) {
    return std::find(dead_.begin(), dead_.end(), index) != dead_.end();
  };
  std::vector<std::uint32_t> done;
  for (const std::uint32_t index : dead_) {
    if (repairer_.repair(index, is_dead) == log::RepairOutcome::done)
      done.push_back(index);
    else
      all_done = false;
  }
  if (!done.empty()) os::fault_point("partition.repaired");
  died_over_claims_ = died_over_claims_ && !all_done;
  for (const std::uint32_t index : done) {
    dead_.erase(std::find(dead_.begin(), dead_.end(), index));
    view_.intent(index).participant.store(0, std::memory_order_release);
  }
  for (std::uint32_t i = 0; i < used_intents_; ++i) {
    const auto word = view_.intent(i).word.load(std::memory_order_acquire);
    if (format::unpack_intent(word).state != format::IntentState::abandoned || is_dead(i)) continue;
    const bool filled = repairer_.repair_abandoned(i) == log::RepairOutcome::done;
    if (filled) done.push_back(i);
    all_done &= filled;
  }
  // Fillers are news to readers; a final word is news to producers; and a producer that died
  // between taking a sleep mark and the wake-up has left somebody asleep.
  if (!done.empty()) {
    ring_everybody();
    recycler_.ring_memory_bell();
  }
  return all_done;
}

void Partition::ring_everybody() {
  for (auto& line : view_.readers().lines) {
    const std::uint32_t participant = line.participant.load(std::memory_order_acquire);
    if (participant == 0 || participant >= format::kMaxParticipants) continue;
    auto& bell = view_.doorbells()[participant].rings;
    bell.fetch_add(1, std::memory_order_release);
    log::SharedMemory::wake_all(bell);
  }
}

void Partition::mark_deleted() {
  view_.control().state.store(static_cast<std::uint32_t>(format::PartitionState::deleted),
                              std::memory_order_release);
  view_.control().active.store(format::kNoSegment, std::memory_order_release);
  recycler_.ring_memory_bell();
  ring_everybody();
  if (!store_) return;
  if (auto removed = store_->remove(); !removed) log_(removed.error().message);
}

std::uint32_t Partition::slots_in_use() const noexcept {
  return static_cast<std::uint32_t>(
      std::count_if(segment_of_.begin(), segment_of_.end(), [](const auto& segment) { return segment.has_value(); }));
}

}  // namespace ringmain::partition
