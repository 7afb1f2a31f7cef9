// Deciding what becomes of each segment, in order: its offsets begin where the one before ends.
#include "storage/repair_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "segment/file_name.hpp"
#include "storage/group.hpp"
#include "storage/repair_scan.hpp"

namespace ringmain::storage {
namespace {

using segment::SegmentPlace;
using Deed = RepairFile::Deed;
using Origin = RepairSegment::Head;

// Void offsets in one segment: they are counted in 32 bits.
constexpr std::uint64_t kMostVoid = std::uint64_t{1} << 31;
// A missing range that needs more segments than this is no range of a log.
constexpr std::uint64_t kMostVoidSegments = 64;

std::uint64_t bytes_of(std::uint32_t units) noexcept {
  return std::uint64_t{units} * format::kFrameAlignment;
}

class Planner {
 public:
  Planner(const StoreOwner& owner, RepairScan scan)
      : owner_(owner),
        files_(std::move(scan.files)),
        strides_(std::move(scan.strides)),
        dropped_(std::move(scan.dropped)),
        slot_bytes_(scan.slot_bytes) {
    plan_.notes = std::move(scan.notes);
  }

  Result<RepairPlan> run() {
    for (std::size_t i = 0; i < strides_.size(); ++i) RINGMAIN_TRY(settle(i));
    RINGMAIN_TRY(fill_gaps());
    count_dropped();
    hand_over();
    return std::move(plan_);
  }

 private:
  std::string path_of(std::size_t file) const { return owner_.folder + "/" + files_[file].name; }
  std::uint32_t capacity() const noexcept {
    return static_cast<std::uint32_t>(slot_bytes_ / format::kFrameAlignment);
  }
  const Stride* behind(std::size_t index) const noexcept {
    return index + 1 < strides_.size() ? &strides_[index + 1] : nullptr;
  }

  Status settle(std::size_t index) {
    Stride& stride = strides_[index];
    // A file's first stride has its base offset from the file's name.
    if (!stride.base) stride.base = strides_[index - 1].segment.mending.end.offset;
    stride.segment.mending.end = {format::kFirstFrameUnits, *stride.base};
    if (stride.segment.origin != Origin::sound) return settle_lost(index);
    return segment::is_complete(stride.segment.head) ? settle_complete(index) : settle_open(index);
  }

  // Whether the next stride is the next segment: its offsets begin where this one's end.
  static bool is_next(const Stride& stride, const Stride* next) noexcept {
    return next != nullptr && (next->file == stride.file ||
                               next->segment.head.sequence == stride.segment.head.sequence + 1);
  }

  // Its head says where it ends.
  Status settle_complete(std::size_t index) {
    Stride& stride = strides_[index];
    RINGMAIN_TRY(try_mend(stride, stride.segment.runs, proved_end(stride)));
    stride.segment.must_change = !stride.segment.mending.lost.empty() || is_cut_off(stride);
    return {};
  }
  static SegmentEnd proved_end(const Stride& stride) noexcept {
    return {segment::proved_end_offset(stride.segment.head), stride.segment.head.proved_units};
  }
  bool is_cut_off(const Stride& stride) const noexcept {
    const format::LogFileHead& head = stride.segment.head;
    return files_[stride.file].size_bytes <
           head.index_in_file * slot_bytes_ + bytes_of(head.proved_units);
  }

  // The rules of a start that has no shared memory: docs/storage.md, "Start".
  Status settle_open(std::size_t index) {
    Stride& stride = strides_[index];
    const Stride* next = behind(index);
    const format::LogFileHead& head = stride.segment.head;
    stride.segment.copies_all = true;
    if (next == nullptr && head.proved_units > format::kFirstFrameUnits) {
      RINGMAIN_TRY(settle_complete(index));
      stride.segment.copies_all = !stride.segment.must_change;
      return {};
    }
    stride.segment.mending.end = stride.proof.end;
    if (next != nullptr && next->base == stride.proof.end.offset) return {};
    const bool was_durable =
        next != nullptr && (strides_.size() - index > 2 || next->segment.origin != Origin::sound ||
                            next->segment.head.proved_units > format::kFirstFrameUnits);
    const bool is_damaged =
        was_durable ||
        segment::judge(head, stride.proof, {stride.proof.end.units, kMostInFlightBytes}) ==
            segment::Verdict::damaged;
    if (!is_damaged) {
      strides_.resize(index + 1);  // the next start cuts what is behind
      return {};
    }
    RINGMAIN_TRY(
        try_mend(stride, stride.all_runs, {is_next(stride, next) ? next->base : std::nullopt, {}}));
    change_head(stride, next == nullptr);
    return {};
  }

  Status settle_lost(std::size_t index) {
    Stride& stride = strides_[index];
    const Stride* next = behind(index);
    SegmentEnd end;
    if (is_next(stride, next)) end.offset = next->base;
    if (!end.offset && stride.segment.origin == Origin::lost) end.offset = stride.base;
    RINGMAIN_TRY(try_mend(stride, stride.segment.runs, end));
    change_head(stride, next == nullptr);
    if (stride.segment.origin == Origin::rebuilt)
      plan_.notes.push_back(fmt::format(
          "{}: the head of the segment at byte {} is made anew from the frames behind it",
          path_of(stride.file), stride.segment.head.index_in_file * slot_bytes_));
    return {};
  }

  Status try_mend(Stride& stride, const std::vector<ProvedRun>& runs, const SegmentEnd& end) {
    const auto mending = mend(runs, *stride.base, end, capacity());
    if (!mending || mending->end.offset - *stride.base > 0xffffffff)
      return refuse_repair(owner_, files_[stride.file].name,
                           fmt::format("has heads whose offsets contradict each other (at byte {})",
                                       stride.segment.head.index_in_file * slot_bytes_));
    stride.segment.mending = *mending;
    return {};
  }

  // The last segment is left as a clean stop leaves it: shared memory that outlived may go on with
  // it.
  void change_head(Stride& stride, bool is_last) {
    RepairSegment& segment = stride.segment;
    segment.must_change = true;
    segment.copies_all = false;
    format::LogFileHead& head = segment.head;
    head.base_offset = *stride.base;
    head.proved_units = segment.mending.end.units;
    head.proved_count = static_cast<std::uint32_t>(segment.mending.end.offset - head.base_offset);
    head.smallest_ns = segment.mending.times.smallest_ns;
    head.largest_ns = segment.mending.times.largest_ns;
    if (is_last)
      plan_.given_again_from = segment.mending.end.offset;
    else
      head.flags |= format::kSegmentComplete;
  }

  // Files that are missing, or of which nothing stays, between two others.
  Status fill_gaps() {
    for (std::size_t i = 0; i + 1 < strides_.size(); ++i) {
      const Stride &stride = strides_[i], &next = strides_[i + 1];
      const std::uint64_t from = stride.segment.mending.end.offset, to = *next.base;
      if (from == to) continue;
      const std::uint64_t count = (to - from + kMostVoid - 1) / kMostVoid;
      const std::uint64_t free_sequences =
          next.segment.head.sequence - stride.segment.head.sequence - 1;
      if (to < from || next.file == stride.file ||
          count > std::min(free_sequences, kMostVoidSegments))
        return refuse_repair(
            owner_, files_[next.file].name,
            fmt::format("begins with offset {}, segment {}, and the log before it ends at offset "
                        "{} with segment {}",
                        to, next.segment.head.sequence, from, stride.segment.head.sequence));
      make_file(stride.segment.head, from, to);
    }
    return {};
  }

  void make_file(const format::LogFileHead& before, std::uint64_t from, std::uint64_t to) {
    RepairFile made{
        segment::file_name({from, segment::FileKind::log, false}), from, 0, {}, Deed::make};
    plan_.lost.push_back({from, to, owner_.folder + "/" + made.name, 0, 0});
    for (std::uint32_t index = 0; from < to; ++index) {
      RepairSegment segment;
      segment.origin = Origin::lost;
      segment.must_change = true;
      segment.head = before;
      segment.head.sequence = before.sequence + 1 + index;
      segment.head.tag = before.tag == UINT32_MAX ? 1 : before.tag + 1;
      segment.head.index_in_file = index;
      segment.head.base_offset = from;
      segment.head.flags = format::kSegmentComplete;
      segment.head.cleaned_ms = 0;
      segment.head.smallest_ns = format::kNoSmallestNs;
      segment.head.largest_ns = format::kNoLargestNs;
      from = std::min(to, from + kMostVoid);
      segment.mending = mend({}, segment.head.base_offset, {from, {}}, capacity()).value();
      segment.head.proved_units = segment.mending.end.units;
      segment.head.proved_count = static_cast<std::uint32_t>(from - segment.head.base_offset);
      made.segments.push_back(std::move(segment));
    }
    made_.push_back(std::move(made));
  }

  void count_dropped() {
    for (std::size_t i = 0; i < dropped_.size(); ++i) {
      const DroppedPart& part = dropped_[i];
      const bool is_before = !strides_.empty() && part.file < strides_.front().file;
      const bool is_behind = strides_.empty() || part.file >= strides_.back().file;
      if (!is_before && !is_behind) continue;  // a gap that is filled
      LostRange range{files_[part.file].base_offset, std::nullopt, path_of(part.file),
                      part.position, part.bytes};
      if (is_before) range.to_offset = *strides_.front().base;
      if (i + 1 < dropped_.size() && (is_behind || dropped_[i + 1].file < strides_.front().file))
        range.to_offset = files_[dropped_[i + 1].file].base_offset;
      if (is_behind && !strides_.empty() && !plan_.given_again_from)
        range.from_offset = strides_.back().segment.mending.end.offset;
      if (is_behind && (strides_.empty() || !plan_.given_again_from))
        plan_.given_again_from = range.from_offset;
      plan_.lost.push_back(range);
    }
    if (strides_.empty() && !dropped_.empty()) files_[dropped_.back().file].deed = Deed::empty;
  }

  void hand_over() {
    for (Stride& stride : strides_) {
      RepairFile& file = files_[stride.file];
      const std::uint64_t at = stride.segment.head.index_in_file * slot_bytes_;
      if (stride.segment.must_change) {
        file.deed = Deed::rewrite;
        for (const LostStretch& each : stride.segment.mending.lost)
          if (each.from.offset != each.to.offset)
            plan_.lost.push_back({each.from.offset, each.to.offset, path_of(stride.file),
                                  at + bytes_of(each.from.units),
                                  bytes_of(each.to.units - each.from.units)});
      }
      file.segments.push_back(std::move(stride.segment));
    }
    for (RepairFile& made : made_) {
      const auto there = std::find_if(files_.begin(), files_.end(), [&](const RepairFile& each) {
        return each.name == made.name;
      });
      if (there != files_.end()) {
        made.size_bytes = there->size_bytes;
        *there = std::move(made);
      } else {
        files_.push_back(std::move(made));
      }
    }
    std::sort(files_.begin(), files_.end(), [](const RepairFile& a, const RepairFile& b) {
      return a.base_offset < b.base_offset;
    });
    std::sort(plan_.lost.begin(), plan_.lost.end(),
              [](const LostRange& a, const LostRange& b) { return a.from_offset < b.from_offset; });
    plan_.files = std::move(files_);
  }

  const StoreOwner& owner_;
  std::vector<RepairFile> files_;
  std::vector<Stride> strides_;
  std::vector<DroppedPart> dropped_;
  std::uint64_t slot_bytes_;
  std::vector<RepairFile> made_;
  RepairPlan plan_;
};

}  // namespace

Result<RepairPlan> plan_repair(os::Disk& disk, const StoreOwner& owner) {
  RINGMAIN_TRY_ASSIGN(scan, scan_for_repair(disk, owner));
  return Planner(owner, std::move(scan)).run();
}

}  // namespace ringmain::storage
