#include "partition/partition.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "os/fault.hpp"

namespace ringmain::partition {
namespace {

// A partition that nobody uses much holds this much per prepared slot; one that has rolled once
// gets whole slots.
constexpr std::uint64_t kFirstStepBytes = 256 * 1024;

// Segments prepared behind the active one: the broker has that long to answer a roll.
constexpr std::uint64_t kPreparedAhead = 1;

}  // namespace

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
                                                   std::function<void(const std::string&)> log) {
  RINGMAIN_TRY_ASSIGN(files, PartitionFiles::open(folder, name, config, fences));
  std::unique_ptr<Partition> partition(
      new Partition(std::move(name), std::move(files), doorbells, std::move(log)));
  RINGMAIN_TRY(partition->recover());
  // The last broker may have died between a step and its barrier or its ring.
  log::SharedMemory::heavy_barrier(partition->view_.geometry().fences);
  partition->tend();
  partition->recycler_.ring_memory_bell();
  partition->ring_everybody();
  if (partition->view_.control().prepared.load(std::memory_order_relaxed) == 0)
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
    if (prepared == 0 || header.magic != format::kSegmentMagic) continue;  // never used
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
  if (prepared != 0 && !view_.find(active))
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{} is damaged: no slot holds its active segment {}; delete the topic", files_.path(),
                            active));
  for (std::uint32_t i = 0; i < format::kMaxProducers; ++i)
    if (view_.intent(i).participant.load(std::memory_order_acquire) != 0) used_intents_ = i + 1;
  return {};
}

// Producers can write to words that are the broker's, or jump over those that are theirs. Whatever
// stands there, the broker's loops end: all segments from the oldest to the newest have slots.
bool Partition::is_sane() const noexcept {
  const auto& control = view_.control();
  const std::uint64_t log_start = control.log_start.load(std::memory_order_acquire);
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
  if (prepared == 0) return active == 0 && log_start == 0;  // just made
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
        std::find(dead_.begin(), dead_.end(), i) == dead_.end())
      dead_.push_back(i);
}

std::vector<ParticipantId> Partition::participants() const {
  std::vector<ParticipantId> ids;
  for (std::uint32_t i = 0; i < used_intents_; ++i)
    if (const auto id = view_.intent(i).participant.load(std::memory_order_acquire)) ids.push_back(id);
  for (auto& line : view_.readers().lines)
    if (const auto id = line.participant.load(std::memory_order_acquire)) ids.push_back(id);
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

// Segments that take appends, or have taken some and wait for the memory of their last ones, get
// memory in steps, before appenders need it.
void Partition::grow_segments() {
  auto& control = view_.control();
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot) {
    if (!segment_of_[slot] || *segment_of_[slot] > active || made_bytes_[slot] >= view_.geometry().slot_bytes) continue;
    grow(slot, *segment_of_[slot] < active);
  }
}

void Partition::grow(std::uint32_t slot, bool rolled) {
  const std::uint64_t slot_bytes = view_.geometry().slot_bytes;
  const std::uint64_t used =
      format::unpack_tail(view_.segment_in(slot).tail.load(std::memory_order_acquire)).units * format::kFrameAlignment;
  std::uint64_t want = std::max(made_bytes_[slot], kFirstStepBytes);
  while (want < slot_bytes && used > want / 2) want *= 2;
  // Somebody waits, perhaps for more than a step; or for what it claimed just before a roll.
  const bool waited_for = view_.control().memory_waiters.load(std::memory_order_acquire) != 0;
  if (rolled || waited_for || !dead_.empty()) want = slot_bytes;
  want = std::min(want, slot_bytes);
  if (want > made_bytes_[slot] && make_bytes(slot, want)) recycler_.grow(slot, usable_bytes(slot));
}

// A reader at the end of what is prepared looks at the header that would come next: that must be
// memory, too.
std::uint64_t Partition::usable_bytes(std::uint32_t slot) const noexcept {
  const std::uint64_t made = made_bytes_[slot];
  return made >= view_.geometry().slot_bytes ? made : made - format::kFrameHeaderBytes;
}

bool Partition::prepare_ahead() {
  auto& control = view_.control();
  for (;;) {  // bounded by kPreparedAhead and by how fast producers roll
    const std::uint64_t prepared = control.prepared.load(std::memory_order_acquire);
    const std::uint64_t active = control.active.load(std::memory_order_acquire);
    if (prepared > active + kPreparedAhead) return true;
    const bool short_before = memory_short_;
    auto slot = obtain_slot();
    if (!slot) return false;
    if (prepare(*slot)) continue;
    // The file system has no memory for one more slot, which therefore stays unused. `drop-oldest`
    // goes on in the memory of its oldest segment, and then is not short of any.
    if (view_.geometry().full_policy != format::FullPolicy::drop_oldest) return false;
    slot = drop_oldest();
    if (!slot || !prepare(*slot)) return false;
    memory_short_ = short_before;
  }
}

std::optional<std::uint32_t> Partition::obtain_slot() {
  if (const auto slot = collect_retired()) return slot;
  if (view_.geometry().full_policy == format::FullPolicy::block)
    if (const auto slot = reclaim_passed()) return slot;
  if (!free_.empty()) {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot)
    if (!segment_of_[slot] && made_bytes_[slot] == 0) return slot;
  if (view_.geometry().full_policy == format::FullPolicy::drop_oldest) return drop_oldest();
  return std::nullopt;
}

void Partition::free_slot(std::uint32_t slot, std::uint64_t segment) {
  segment_of_[slot].reset();
  view_.forget_names(segment, slot);
  os::fault_point("partition.freed");
}

// Segments below log_start whose holders have gone by now.
std::optional<std::uint32_t> Partition::collect_retired() {
  const std::uint64_t log_start = view_.control().log_start.load(std::memory_order_relaxed);
  held_.clear();
  bool barrier_done = false;
  for (std::uint32_t slot = 0; slot < segment_of_.size(); ++slot) {
    if (!segment_of_[slot] || *segment_of_[slot] >= log_start) continue;
    const std::uint64_t segment = *segment_of_[slot];
    if (!barrier_done) log::SharedMemory::heavy_barrier(view_.geometry().fences);
    barrier_done = true;
    const log::Holder holder = recycler_.holder(segment);
    if (holder.hold == log::Hold::none) {
      free_slot(slot, segment);
      free_.push_back(slot);
    } else {
      held_.emplace_back(segment, holder);
    }
  }
  if (free_.empty()) return std::nullopt;
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

// `block`: what every reader has passed is no longer needed.
std::optional<std::uint32_t> Partition::reclaim_passed() {
  auto& control = view_.control();
  const std::uint64_t start = control.log_start.load(std::memory_order_relaxed);
  const std::uint64_t active = control.active.load(std::memory_order_acquire);
  std::uint64_t passed = start;
  while (passed < active && recycler_.passed_by_all_readers(passed)) ++passed;
  if (passed == start) return std::nullopt;
  os::fault_point("partition.retire");
  recycler_.retire_below(passed);
  return collect_retired();
}

// `drop-oldest`: whatever it takes to go on, but for the active segment.
std::optional<std::uint32_t> Partition::drop_oldest() {
  auto& control = view_.control();
  for (;;) {  // ends at the active segment
    const std::uint64_t start = control.log_start.load(std::memory_order_relaxed);
    if (start >= control.active.load(std::memory_order_acquire)) return std::nullopt;
    os::fault_point("partition.retire");
    recycler_.retire_below(start + 1);
    if (const auto slot = collect_retired()) return slot;
  }
}

bool Partition::prepare(std::uint32_t slot) {
  auto& control = view_.control();
  const std::uint64_t segment = control.prepared.load(std::memory_order_relaxed);
  const bool rolled = control.active.load(std::memory_order_relaxed) > 0;
  const std::uint64_t bytes = rolled ? view_.geometry().slot_bytes : kFirstStepBytes;
  if (!make_bytes(slot, std::min(bytes, view_.geometry().slot_bytes)) && made_bytes_[slot] == 0) return false;
  log::SegmentIdentity identity;
  std::memcpy(identity.topic_id, name_.topic_id.data(), sizeof(identity.topic_id));
  identity.partition = name_.partition;
  const std::uint32_t last_tag = view_.segment_in(slot).tag;
  do identity.tag = static_cast<std::uint32_t>(os_entropy64());
  while (identity.tag == 0 || identity.tag == last_tag);
  identity.created_ms = static_cast<std::uint64_t>(now_real_ms());
  os::fault_point("partition.prepare");
  recycler_.prepare(segment, slot, identity, usable_bytes(slot), segment == 0 ? 0 : format::kNoOffset);
  segment_of_[slot] = segment;
  return true;
}

bool Partition::make_bytes(std::uint32_t slot, std::uint64_t to_bytes) {
  if (made_bytes_[slot] >= to_bytes) return true;
  if (auto made = files_.allocate_slot(slot, made_bytes_[slot], to_bytes); !made) {
    if (!std::exchange(shortage_told_, true)) log_(fmt::format("partition {}: {}", name_.text(), made.error().message));
    memory_short_ = true;
    return false;
  }
  made_bytes_[slot] = to_bytes;
  shortage_told_ = false;
  return true;
}

void Partition::mark_deleted() {
  view_.control().state.store(static_cast<std::uint32_t>(format::PartitionState::deleted),
                              std::memory_order_release);
  view_.control().active.store(format::kNoSegment, std::memory_order_release);
  recycler_.ring_memory_bell();
  ring_everybody();
}

std::uint32_t Partition::slots_in_use() const noexcept {
  return static_cast<std::uint32_t>(
      std::count_if(segment_of_.begin(), segment_of_.end(), [](const auto& segment) { return segment.has_value(); }));
}

}  // namespace ringmain::partition
