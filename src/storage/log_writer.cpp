#include "storage/log_writer.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "log/frame_walk.hpp"
#include "os/fault.hpp"
#include "segment/head.hpp"

namespace ringmain::storage {
namespace {

using segment::SegmentPlace;

constexpr std::uint64_t kGatherBytes = 1 << 20;      // so much is written without waiting for more
constexpr std::int64_t kRetryNs = 500'000'000;
// While something waits for flush.ms it looks so often whether that has become much, or a segment full: whoever
// fills memory meanwhile rings nobody.
constexpr std::int64_t kLookNs = 10'000'000;
constexpr std::int64_t kLookForMessagesNs = 1'000'000;

}  // namespace

LogWriter::LogWriter(os::Disk& disk, StoreOwner owner, StoreConfig config, log::PartitionView view, LogFiles& files,
                     WriteStart start)
    : disk_(disk), owner_(std::move(owner)), config_(config), view_(view), files_(files),
      next_sequence_(start.sequence), next_offset_(start.base_offset), next_index_(start.index_in_file), wished_(config),
      durable_offset_(start.durable_offset), durable_segments_(start.sequence), settled_offset_(start.base_offset) {
  if (!start.path.empty()) {
    file_ = OutFile::resume(std::move(start.path), start.file_tag, start.file_base_offset, start.file_created_ms, start.begun_in_file);
  }
  publish_watermarks();
  say_state(format::StorageState::healthy);
}

StepResult LogWriter::step(os::DiskQueue& queue, std::int64_t now_ns, bool flush_all) {
  using State = StepResult::State;
  now_ns_ = now_ns;
  if (reconfigured_.load(std::memory_order_relaxed) && reconfigured_.exchange(false, std::memory_order_acquire))
    config_ = config();
  if (failure_) {
    if (in_flight_ != 0 || now_ns < retry_ns_) return {State::failed, retry_ns_};
    if (auto restarted = restart(queue); !restarted) {
      retry_ns_ = now_ns + kRetryNs;
      fail_with(restarted.error());
      return {State::failed, retry_ns_};
    }
  }
  if (submit_heads(queue) || submit_gathered(queue)) return {State::moved};
  if (failure_) return {State::failed, retry_ns_};
  if (!segment_) {
    const auto entered = enter_segment();
    if (!entered) {
      fail_with(entered.error());
      return {State::failed, retry_ns_};
    }
    if (!*entered) return {in_flight_ != 0 || !heads_.empty() || !gathered_.empty() ? State::busy : State::idle};
  }
  if (const auto end = full_end(); end && copier_->place().units >= end->units) {
    segment_->end = copier_->place();
    next_sequence_ = segment_->sequence + 1;
    next_offset_ = copier_->place().offset;
    next_index_ = segment_->head.index_in_file + 1;
    const bool is_written = gathered_.empty() ? groups_.empty() || groups_.back().segment != segment_
                                              : gathered_.back().segment != segment_;
    if (is_written) became_durable(segment_, segment_->durable);
    segment_.reset();
    return {State::moved};
  }
  if (partial_in_flight_) return {State::busy};
  // What cannot be submitted now is gathered ahead only if no more will come to it: a group that waits may grow.
  const bool goes_at_once = gathered_.empty() && may_submit(copier_->place().units == format::kFirstFrameUnits);
  if (!goes_at_once && (gathered_.size() >= kGroupsAhead || !full_end())) return {State::busy};
  if (!has_news()) {
    news_since_ns_ = 0;
    return {in_flight_ != 0 ? State::busy : State::idle};
  }
  if (news_since_ns_ == 0) news_since_ns_ = now_ns;
  if (!is_due(now_ns, flush_all)) {
    const std::int64_t look_ns = config_.flush_messages == UINT64_MAX ? kLookNs : kLookForMessagesNs;
    return {State::waiting, std::min(news_since_ns_ + config_.flush_ms * 1'000'000, now_ns + look_ns)};
  }
  const StepResult result = gather_group(queue);
  static_cast<void>(submit_gathered(queue));
  return failure_ ? StepResult{State::failed, retry_ns_} : result;
}

// Recovery follows the heads: none gets to disk before the one of the segment before it.
bool LogWriter::last_head_is_durable() const noexcept {
  const auto is_written = [](const Segment& segment) { return segment.durable.units > format::kFirstFrameUnits; };
  if (!groups_.empty()) return is_written(*groups_.back().segment);
  return heads_.empty() || is_written(*heads_.back().second);
}

// Starts with the segment that is due. False: nobody has rolled into it yet.
Result<bool> LogWriter::enter_segment() {
  if (!is_next_segment_begun()) return false;
  const auto slot = view_.find(next_sequence_);
  if (!slot)
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{}: its shared memory has lost segment {}, which is not on disk yet; records from offset {} on are "
                            "gone: delete the topic, or start its log anew",
                            owner_.name, next_sequence_, next_offset_));
  const auto& header = view_.segment_in(*slot);
  const std::uint64_t base_offset = header.base_offset.load(std::memory_order_acquire);
  if (base_offset != next_offset_)
    return fail(ErrorCode::corrupt_memory,
                fmt::format("{}: segment {} in shared memory begins with offset {} and not with {}: somebody wrote over it",
                            owner_.name, next_sequence_, base_offset, next_offset_));
  if (!file_ || !file_->takes(next_index_, config_, now_real_ms())) {
    if (file_) RINGMAIN_TRY(file_->finish(disk_, owner_.folder));
    RINGMAIN_TRY(open_file(base_offset));
    static_cast<void>(file_->takes(0, config_, now_real_ms()));
  } else if (!file_->is_open()) {
    RINGMAIN_TRY(file_->open(disk_));
  }
  auto next = std::make_shared<Segment>();
  next->sequence = next_sequence_;
  next->file = file_;
  const segment::HeadPlacement placement{file_->tag(), config_.slot_bytes, base_offset, next_index_};
  RINGMAIN_TRY_ASSIGN(head, segment::make_head({view_.slot(*slot), format::kSegmentHeaderBytes}, placement, owner_.name));
  next->head = head;
  RINGMAIN_TRY(file_->allocate((std::uint64_t{next_index_} + 1) * config_.slot_bytes, config_.segments_per_file() * config_.slot_bytes));
  slot_ = *slot;
  segment_ = std::move(next);
  begin_copying();
  return true;
}

// From the segment's first frame on. Its first group writes a head that proves nothing: to recovery, one that
// proves something and is not complete is what a clean stop left.
void LogWriter::begin_copying() {
  format::LogFileHead& head = segment_->head;
  head.proved_units = format::kFirstFrameUnits;
  head.proved_count = 0;
  head.smallest_ns = format::kNoSmallestNs;
  head.largest_ns = format::kNoLargestNs;
  segment::seal_head(head);
  segment_->durable = {format::kFirstFrameUnits, head.base_offset};
  copier_.emplace(segment_->head);
  partial_ = {};
  std::memcpy(partial_.data(), &segment_->head, sizeof(segment_->head));
  segment_->first_block = partial_;
  partial_in_flight_ = false;
  zeros_.until = file_->is_recycled_to(segment_->at() + config_.slot_bytes) ? config_.slot_bytes : 0;
}

Status LogWriter::open_file(std::uint64_t base_offset) {
  RINGMAIN_TRY(remove_files_behind(base_offset));
  RINGMAIN_TRY_ASSIGN(file, OutFile::create(disk_, owner_, config_, base_offset, files_.spares()));
  files_.append({file->path(), base_offset, base_offset, 0, file->created_ms(), format::kNoLargestNs});
  file_ = std::move(file);
  next_index_ = 0;
  return {};
}

// Writing has begun anew further back, after an error: files that were begun ahead come again, perhaps with other
// bounds, and what they hold must not come to lie in two files.
Status LogWriter::remove_files_behind(std::uint64_t base_offset) {
  for (const LogFileEntry& later : files_.behind(base_offset)) {
    if (later.end_offset > later.base_offset)
      return fail(ErrorCode::kafka_storage_error,
                  fmt::format("{}: {} is on disk already, and what comes before it is not", owner_.name, later.path));
    const auto removed = disk_.remove(later.path);
    if (!removed && removed.error().code != ErrorCode::not_found) return removed;
  }
  return {};
}

// Where the segment ends, once it is known.
std::optional<SegmentPlace> LogWriter::full_end() const noexcept {
  const std::uint64_t final = view_.segment_in(slot_).final.load(std::memory_order_acquire);
  if (final == 0) return std::nullopt;
  const format::Tail end = format::unpack_final(final);
  return SegmentPlace{static_cast<std::uint32_t>(end.units), segment_->head.base_offset + end.count};
}

std::span<const std::byte> LogWriter::readable() const noexcept {
  const std::uint64_t prepared = view_.segment_in(slot_).prepared_bytes.load(std::memory_order_acquire);
  return {view_.slot(slot_), static_cast<std::size_t>(std::min(prepared, config_.slot_bytes))};
}

bool LogWriter::has_news() const noexcept {
  const auto bytes = readable();
  const std::uint64_t at = GroupEnd::bytes_of(copier_->place());
  if (at + format::kFrameHeaderBytes > bytes.size()) return false;
  const auto& frame = *reinterpret_cast<const format::FrameHeader*>(bytes.data() + at);
  return format::is_published(frame.commit.load(std::memory_order_acquire), segment_->head.tag);
}

// Whether what is new is to be written now: somebody waits for it, it is much, or it has waited for long.
bool LogWriter::is_due(std::int64_t now_ns, bool flush_all) noexcept {
  if (flush_all || config_.flush_messages <= 1) return true;
  if (now_ns - news_since_ns_ >= config_.flush_ms * 1'000'000) return true;
  if (view_.control().durable_wanted.load(std::memory_order_acquire) > copier_->place().offset) return true;
  const auto& header = view_.segment_in(slot_);
  if (header.final.load(std::memory_order_acquire) != 0) return true;
  const format::Tail tail = format::unpack_tail(header.tail.load(std::memory_order_acquire));
  const std::uint64_t units = copier_->place().units;
  const std::uint64_t count = copier_->place().offset - segment_->head.base_offset;
  if (tail.units > units + kGatherBytes / format::kFrameAlignment) return true;
  if (config_.flush_messages == UINT64_MAX) return false;
  if (!view_.geometry().single_producer) return tail.count >= count + config_.flush_messages;
  log::FrameWalk<log::SharedMemory> walk(view_.slot(slot_), segment_->head.tag,
                                         static_cast<std::uint32_t>(readable().size() / format::kFrameAlignment), segment_->head.base_offset);
  walk.skip(units - format::kFirstFrameUnits, count);  // such a producer counts for itself
  while (walk.next_offset() < copier_->place().offset + config_.flush_messages)
    if (!walk.step()) return false;
  return true;
}

// Full segments whose frames are durable get the head that says so. It is not synced: one that is lost costs a start
// the time to prove that segment.
bool LogWriter::submit_heads(os::DiskQueue& queue) {
  for (auto& [token, segment] : heads_) {
    if (segment->head_submitted) continue;
    if (queue.room() == 0) return false;
    const auto buffer = queue.take_buffer();
    if (!buffer) return false;
    std::memcpy(segment->first_block.data(), &segment->head, sizeof(segment->head));
    std::memcpy(queue.buffer(*buffer).data(), segment->first_block.data(), os::disk_block_bytes);
    token = next_token();
    const auto submitted = queue.submit_write(
        segment->file->disk_file(), {segment->at(), *buffer, 0, os::disk_block_bytes, os::Durability::none}, token);
    queue.give_back(*buffer);
    if (!submitted) {
      fail_with(submitted.error());
      return false;
    }
    segment->head_submitted = true;
    ++in_flight_;
    return true;
  }
  return false;
}

void LogWriter::completed(os::DiskToken token, const Result<std::uint64_t>& result, std::int64_t now_ns) {
  --in_flight_;
  now_ns_ = now_ns;
  if (zeros_.token == token) {
    if (result && segment_.get() == zeros_.segment) zeros_.until = std::max(zeros_.until, zeros_.to);
    zeros_.token.reset();
    return;  // zeros that failed are only missed
  }
  // A sync that failed may have taken along what other writes had brought to the file, and their own syncs then succeed:
  // after an error nothing counts that was in flight.
  if (!result || failure_) {
    if (!result) fail_with(result.error());
    for (auto& [head_token, segment] : heads_)
      if (head_token == token) segment->head_submitted = false;
    return;
  }
  const auto head = std::find_if(heads_.begin(), heads_.end(), [&](const auto& entry) { return entry.first == token && entry.second->head_submitted; });
  if (head != heads_.end()) {
    heads_.erase(head);
    return publish_settled();
  }
  for (Group& group : groups_)
    if (group.token == token) group.done = true;
  advance_durable();
}

void LogWriter::advance_durable() {
  while (!groups_.empty() && groups_.front().done) {
    const Group group = std::move(groups_.front());
    groups_.pop_front();
    became_durable(group.segment, group.end);
  }
  if (groups_.empty() && gathered_.empty()) partial_in_flight_ = false;
  publish_watermarks();
}

void LogWriter::became_durable(const std::shared_ptr<Segment>& segment, SegmentPlace end) {
  format::LogFileHead& head = segment->head;
  segment->durable = end;
  head.proved_units = end.units;
  head.proved_count = static_cast<std::uint32_t>(end.offset - head.base_offset);
  files_.update(segment->file->base_offset(), end.offset, segment->at() + GroupEnd::ceiling_of(end), head.largest_ns);
  if (end.offset > durable_offset_.load(std::memory_order_relaxed))
    durable_offset_.store(end.offset, std::memory_order_release);
  if (!segment->end || end.units < segment->end->units) return;
  head.flags |= format::kSegmentComplete;
  segment::seal_head(head);
  heads_.emplace_back(os::DiskToken{}, segment);
  if (segment->sequence >= durable_segments_.load(std::memory_order_relaxed))
    durable_segments_.store(segment->sequence + 1, std::memory_order_release);
}

// The oldest segment that may be written to again holds it up.
void LogWriter::publish_settled() noexcept {
  const Segment* oldest = !heads_.empty()    ? heads_.front().second.get()
                          : !groups_.empty()   ? groups_.front().segment.get()
                          : !gathered_.empty() ? gathered_.front().segment.get()
                                             : segment_.get();
  settled_offset_.store(oldest != nullptr ? oldest->head.base_offset : next_offset_, std::memory_order_release);
}

//   Order: the watermark, then a full fence, then the look at who waits; partner: wait_durable(), which counts
//   itself and then looks at the watermark.
void LogWriter::publish_watermarks() noexcept {
  auto& control = view_.control();
  const std::uint64_t durable = durable_offset();
  const std::uint64_t told = control.durable_offset.load(std::memory_order_relaxed);
  if (told >= durable && durable != 0) return;
  // What an earlier broker told stays true while the segment is written anew: the bytes are the same.
  control.durable_offset.store(std::max(told, durable), std::memory_order_release);
  wake_waiters();
}

void LogWriter::wake_waiters() noexcept {
  auto& control = view_.control();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (control.durable_waiters.load(std::memory_order_relaxed) == 0) return;
  control.durable_bell.fetch_add(1, std::memory_order_release);
  log::SharedMemory::wake_all(control.durable_bell);
}

// Who waits for durability hears of it as well.
void LogWriter::say_state(format::StorageState state) noexcept {
  view_.control().storage.store(static_cast<std::uint32_t>(state), std::memory_order_release);
  wake_waiters();
}

void LogWriter::fail_with(Error error) {
  if (!failure_) retry_ns_ = now_ns_ + kRetryNs;
  failure_ = error;
  const bool is_full = error.code == ErrorCode::no_space;
  {
    const std::lock_guard lock(fault_mutex_);
    fault_ = std::move(error);
  }
  say_state(is_full ? format::StorageState::full : format::StorageState::failing);
}

// Goes back to the oldest segment that is not durable, and writes it anew. After a failed sync the kernel may
// have dropped what it could not write, so the file is opened anew as well.
Status LogWriter::restart(os::DiskQueue& queue) {
  for (auto head = heads_.begin(); head != heads_.end();) {
    const auto opened = head->second->file->open(disk_);
    if (!opened && opened.error().code != ErrorCode::not_found) return opened;
    head->second->head_submitted = false;
    head = opened ? std::next(head) : heads_.erase(head);  // retention has removed the file
  }
  if (!groups_.empty())
    segment_ = groups_.front().segment;
  else if (!gathered_.empty())
    segment_ = gathered_.front().segment;
  if (segment_) {
    const auto slot = view_.find(segment_->sequence);
    if (!slot)
      return fail(ErrorCode::corrupt_memory,
                  fmt::format("{}: its shared memory has lost segment {}", owner_.name, segment_->sequence));
    file_ = segment_->file;
    RINGMAIN_TRY(file_->open(disk_));
    slot_ = *slot;
    segment_->end.reset();
    next_sequence_ = segment_->sequence;
    next_offset_ = segment_->head.base_offset;
    next_index_ = segment_->head.index_in_file;
    begin_copying();
  } else if (file_ && file_->is_open()) {
    RINGMAIN_TRY(file_->open(disk_));
  }
  groups_.clear();
  drop_gathered(queue);
  failure_.reset();
  {
    const std::lock_guard lock(fault_mutex_);
    fault_.reset();
  }
  say_state(format::StorageState::healthy);
  return {};
}

bool LogWriter::is_idle() const noexcept {
  if (failure_ || !gathered_.empty()) return false;
  if (segment_) return !has_news() && !full_end();
  return !is_next_segment_begun();
}

// Whether producers have come to the segment that is due. Not if the partition has just been made, and has no
// memory yet, or is deleted.
bool LogWriter::is_next_segment_begun() const noexcept {
  const std::uint64_t active = view_.control().active.load(std::memory_order_acquire);
  return active != format::kNoSegment && active >= next_sequence_ &&
         view_.control().prepared.load(std::memory_order_acquire) > next_sequence_;
}

bool LogWriter::is_settled() const noexcept {
  return is_idle() && in_flight_ == 0 && groups_.empty() && heads_.empty();  // idle: nothing is gathered
}

Status LogWriter::close_cleanly() {
  if (segment_ && segment_->durable.units > format::kFirstFrameUnits) {
    segment::seal_head(segment_->head);
    std::memcpy(segment_->first_block.data(), &segment_->head, sizeof(segment_->head));
    RINGMAIN_TRY(segment_->file->disk_file().write(segment_->at(), segment_->first_block));
    RINGMAIN_TRY(segment_->file->disk_file().sync());
  }
  return file_ ? file_->finish(disk_, owner_.folder) : Status{};
}

//   Order: the wish, then the flag; partner: the exchange in step().
void LogWriter::configure(const StoreConfig& config) {
  const std::lock_guard lock(wish_mutex_);
  const std::uint64_t slot_bytes = wished_.slot_bytes;
  wished_ = config;
  wished_.slot_bytes = slot_bytes;
  reconfigured_.store(true, std::memory_order_release);
}

StoreConfig LogWriter::config() const {
  const std::lock_guard lock(wish_mutex_);
  return wished_;
}

std::optional<Error> LogWriter::fault() const {
  const std::lock_guard lock(fault_mutex_);
  return fault_;
}

os::DiskToken LogWriter::next_token() noexcept {
  return os::DiskToken{std::uint64_t{number_} << 32 | ++serial_};
}

}  // namespace ringmain::storage
