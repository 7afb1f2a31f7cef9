// Reads one partition in order, in place. One thread per object; runs in the consumer's
// process, over a read-only mapping. It writes one thing: its own line of the readers file.
//
// Invariants (docs/formats/readers.md):
//   1. While pin == s + 1, the slot of segment s is not recycled: views into it stay valid.
//   2. A frame is taken only if its tag is the segment's and its offset is the next one.
#pragma once

#include <optional>

#include "base/assert.hpp"
#include "log/frame_walk.hpp"
#include "log/partition_view.hpp"

namespace ringmain::log {

enum class ReadOutcome {
  record,   // `frame()` is a record or batch
  empty,    // nothing published yet
  rolled,   // entered the next segment; views of the last one are no longer pinned
  lost,     // the log dropped records before they were read: see take_lost()
  corrupt,  // the segment breaks its format; the reader stays where it is
  deleted,  // the partition is gone
  segment_end,  // next_in_segment() only: the next record is in the next segment
};

enum class SeekOutcome { ok, before_start, beyond_end, corrupt };

template <class M>
class BasicReader {
 public:
  using View = BasicPartitionView<M>;
  using FrameHeader = format::BasicFrameHeader<Layout<M>>;

  // `line_index` is this reader's own line; the broker assigned it with a pin on the oldest segment.
  BasicReader(const View& view, std::uint32_t line_index)
      : view_(view), line_(view.readers().lines[line_index]), line_index_(line_index) {}

  // Moves to the next record. Frames that carry none are skipped.
  //   Order: acquire of the commit word; partner: the release in FrameWriter::publish().
  //   Progress: wait-free but for fillers, of which a segment holds a bounded number.
  ReadOutcome next() noexcept { return advance<true>(); }

  // The same, but never leaves the segment: what was read of it stays pinned.
  ReadOutcome next_in_segment() noexcept { return advance<false>(); }

  // The frame that next() moved to. Valid until the reader leaves the segment.
  const FrameHeader& frame() const noexcept { return *frame_; }
  std::uint32_t frame_size() const noexcept { return size_; }
  std::uint64_t offset() const noexcept { return offset_; }

  std::uint64_t next_offset() const noexcept { return next_offset_; }
  std::uint64_t segment() const noexcept { return segment_; }
  // Records dropped unread since the last call.
  std::uint64_t take_lost() noexcept { return std::exchange(lost_, 0); }

  // True if next() would not say `empty`: for a sleeper's last look.
  bool ready() const noexcept {
    if (slot_ == nullptr) return true;
    if (position_ < end_units_ &&
        format::is_published(frame_at(position_).commit.load(std::memory_order_acquire), tag_))
      return true;
    if (!has_next_segment()) return false;
    if (is_deleted()) return true;
    const std::uint64_t final = header_->final.load(std::memory_order_acquire);
    return final != 0 && position_ >= format::unpack_final(final).units;
  }

  // Goes to the oldest record that the log holds.
  SeekOutcome seek_start() noexcept {
    return enter_oldest() ? SeekOutcome::ok : SeekOutcome::corrupt;
  }

  // Goes behind the newest published record.
  SeekOutcome seek_end() noexcept {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {  // the log may drop what was active a moment ago
      const std::uint64_t active = view_.control().active.load(std::memory_order_acquire);
      const bool entered = enter(active);
      if (corrupt_) return SeekOutcome::corrupt;
      if (!entered) continue;
      walk_to(format::kNoOffset);
      return SeekOutcome::ok;
    }
    return SeekOutcome::corrupt;
  }

  // Goes to the record with this offset, to the batch that holds it, or to the first record
  // after it if it is void. `before_start`: it stands at the start then; `beyond_end`: at the end.
  //   On its way it pins segments behind which there may be something that it has not read: see hold().
  SeekOutcome seek(std::uint64_t offset) noexcept {
    std::uint64_t last = format::kNoSegment;
    for (;;) {  // repeats only if the log has rolled on meanwhile: then in a later segment
      if (const SeekOutcome outcome = enter_segment_of(offset); outcome != SeekOutcome::ok) return outcome;
      if (walk_to(offset) || next_offset_ == offset) return SeekOutcome::ok;
      if (!at_end_of_segment()) return SeekOutcome::beyond_end;
      if (std::exchange(last, segment_) == segment_) return SeekOutcome::corrupt;  // the next one starts elsewhere
    }
  }

  // Until release(), its pin says that it has passed nothing, wherever it goes: a log with full.policy=block then keeps all
  // that there is.
  void hold() noexcept {
    holds_ = format::kHoldsAll;
    if (const std::uint64_t pin = line_.pin.load(std::memory_order_relaxed); pin != 0)
      line_.pin.store(pin | format::kHoldsAll, std::memory_order_release);
  }
  void release() noexcept {
    holds_ = 0;
    if (const std::uint64_t pin = line_.pin.load(std::memory_order_relaxed); (pin & format::kHoldsAll) != 0)
      line_.pin.store(format::pinned(pin), std::memory_order_release);
  }

  // Lets its segment go. The next read needs a seek first.
  void unpin() noexcept { line_.pin.store(0, std::memory_order_release); }
  void note_progress() noexcept { line_.next_offset.store(next_offset_, std::memory_order_relaxed); }

  std::uint32_t line_index() const noexcept { return line_index_; }
  const View& view() const noexcept { return view_; }

 private:
  static constexpr int kAttempts = 1000;  // as often may the log overtake it

  FrameHeader& frame_at(std::uint32_t units) const noexcept {
    return *reinterpret_cast<FrameHeader*>(slot_ + std::size_t{units} * format::kFrameAlignment);
  }

  void take(FrameHeader& frame, std::uint32_t size, std::uint64_t offsets) noexcept {
    frame_ = &frame;
    size_ = size;
    offset_ = next_offset_;
    next_offset_ += offsets;
  }

  template <bool Leave>
  ReadOutcome advance() noexcept {
    for (;;) {  // each turn passes a filler, or returns
      if (position_ < end_units_) [[likely]] {
        FrameHeader& frame = frame_at(position_);
        const std::uint64_t commit = frame.commit.load(std::memory_order_acquire);  // SYNC(frame.commit)
        if (format::is_published(commit, tag_) &&
            frame.offset.load(std::memory_order_relaxed) == next_offset_) [[likely]] {
          const auto size = static_cast<std::uint32_t>(format::commit_size(commit));
          const std::uint32_t units = format::align_frame(size) / format::kFrameAlignment;
          if (units > end_units_ - position_) [[unlikely]]
            return ReadOutcome::corrupt;
          if (frame.type == static_cast<std::uint8_t>(format::FrameType::record)) [[likely]] {
            position_ += units;
            take(frame, size, 1);
            return ReadOutcome::record;
          }
          if (const auto outcome = take_other(frame, size, units)) return *outcome;
          continue;
        }
      }
      return miss<Leave>();
    }
  }

  std::optional<ReadOutcome> take_other(FrameHeader& frame, std::uint32_t size, std::uint32_t units) noexcept {
    const std::uint64_t offsets = FrameWalk<M>::offsets_of(frame);
    if (offsets > format::kMaxSegmentRecords) return ReadOutcome::corrupt;
    if (frame.type == static_cast<std::uint8_t>(format::FrameType::batch)) {
      position_ += units;
      take(frame, size, offsets);
      return ReadOutcome::record;
    }
    if (frame.type != static_cast<std::uint8_t>(format::FrameType::filler)) return ReadOutcome::corrupt;
    position_ += units;
    next_offset_ += offsets;
    return std::nullopt;
  }

  // Nothing readable here: either not yet, or the segment ends here.
  template <bool Leave>
  ReadOutcome miss() noexcept {
    if (slot_ != nullptr && !has_next_segment()) [[likely]]
      return ReadOutcome::empty;
    if (is_deleted()) return ReadOutcome::deleted;
    if (slot_ == nullptr) return enter_oldest() ? ReadOutcome::rolled : ReadOutcome::corrupt;
    const std::uint64_t final = header_->final.load(std::memory_order_acquire);
    if (final == 0) return ReadOutcome::empty;
    const format::Tail end = format::unpack_final(final);
    if (position_ < end.units) return ReadOutcome::empty;  // claimed, not yet published
    if (position_ > end.units) return ReadOutcome::corrupt;
    if constexpr (!Leave) return ReadOutcome::segment_end;
    return enter_next();
  }

  bool at_end_of_segment() const noexcept {
    if (!has_next_segment()) return false;
    const std::uint64_t final = header_->final.load(std::memory_order_acquire);
    return final != 0 && position_ == format::unpack_final(final).units;
  }

  bool is_deleted() const noexcept {
    return view_.control().state.load(std::memory_order_acquire) !=
           static_cast<std::uint32_t>(format::PartitionState::open);
  }

  bool has_next_segment() const noexcept {
    return view_.control().active.load(std::memory_order_acquire) > segment_;  // SYNC(active)
  }

  ReadOutcome enter_next() noexcept {
    const std::uint64_t expected = next_offset_;
    if (!enter(segment_ + 1) && !corrupt_) {
      if (!enter_oldest() || next_offset_ < expected) return ReadOutcome::corrupt;
      lost_ += next_offset_ - expected;
      return ReadOutcome::lost;
    }
    return corrupt_ || next_offset_ != expected ? ReadOutcome::corrupt : ReadOutcome::rolled;
  }

  bool enter_oldest() noexcept {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {  // the log may drop it again meanwhile
      const bool entered = enter(view_.control().log_start.load(std::memory_order_acquire));
      if (entered || corrupt_) return !corrupt_;
    }
    return false;
  }

  // Pins a segment and stands at its start. False if the log has dropped it.
  //   Order: pin, light barrier, log_start; partner: Recycler::retire() stores log_start,
  //   issues the heavy barrier, then reads the pins. One of the two sees the other.
  //   Death: the pin goes with the reader's line, once the kernel says that it is gone.
  bool enter(std::uint64_t segment) noexcept {
    corrupt_ = false;
    line_.pin.store((segment + 1) | holds_, std::memory_order_release);
    M::light_barrier(view_.geometry().fences);
    if (view_.control().log_start.load(std::memory_order_acquire) > segment) return false;
    const auto slot = view_.find(segment);
    if (!slot) {
      corrupt_ = true;
      return false;
    }
    header_ = &view_.segment_in(*slot);
    slot_ = view_.slot(*slot);
    segment_ = segment;
    tag_ = header_->tag;
    end_units_ = view_.geometry().capacity_units();
    position_ = format::kSegmentHeaderBytes / format::kFrameAlignment;
    next_offset_ = header_->base_offset.load(std::memory_order_acquire);
    corrupt_ = header_->sequence != segment || next_offset_ == format::kNoOffset;
    return true;
  }

  SeekOutcome enter_segment_of(std::uint64_t offset) noexcept {
    std::uint64_t segment = view_.control().active.load(std::memory_order_acquire);
    for (;;) {  // downwards from the newest segment
      const bool entered = enter(segment);
      if (corrupt_) return SeekOutcome::corrupt;
      if (!entered) return enter_oldest() ? SeekOutcome::before_start : SeekOutcome::corrupt;
      if (offset >= next_offset_) return SeekOutcome::ok;
      if (segment == view_.control().log_start.load(std::memory_order_acquire))
        return SeekOutcome::before_start;
      --segment;
    }
  }

  // True if a published frame holds the offset; the reader then stands before it, else behind
  // the last published frame.
  bool walk_to(std::uint64_t offset) noexcept {
    FrameWalk<M> walk(slot_, tag_, end_units_, next_offset_);
    for (;;) {  // bounded by the segment's frames
      const FrameWalk<M> here = walk;
      const bool stepped = walk.step();
      if (stepped && walk.next_offset() <= offset) continue;
      position_ = here.position_units();
      next_offset_ = here.next_offset();
      return stepped;
    }
  }

  View view_;
  format::BasicReaderLine<Layout<M>>& line_;
  std::uint32_t line_index_;

  std::byte* slot_ = nullptr;
  typename View::SegmentHeader* header_ = nullptr;
  std::uint64_t segment_ = 0;
  std::uint64_t holds_ = 0;  // kHoldsAll, from hold() to release()
  std::uint64_t next_offset_ = 0;
  std::uint32_t position_ = 0;  // in units
  std::uint32_t end_units_ = 0;
  std::uint32_t tag_ = 0;
  bool corrupt_ = false;

  FrameHeader* frame_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t lost_ = 0;
};

using Reader = BasicReader<SharedMemory>;

}  // namespace ringmain::log
