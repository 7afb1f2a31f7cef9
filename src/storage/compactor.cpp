// Rounds of compaction.
#include "storage/compactor.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "format/record_body.hpp"
#include "segment/head.hpp"
#include "segment/image_walk.hpp"
#include "storage/compaction_file.hpp"
#include "storage/compaction_mark.hpp"

namespace ringmain::storage {
namespace {

using segment::FrameNote;

// The smallest frame with a key: header and trailer.
constexpr std::uint32_t kKeyedFrameBytes =
    format::align_frame(format::kFrameHeaderBytes + format::kTrailerBytes);

std::size_t keys_for(const CompactionPlan& plan, std::uint64_t map_bytes) noexcept {
  const std::uint64_t dirty = plan.dirty_bytes / kKeyedFrameBytes + 1;
  const std::uint64_t at_least = plan.largest_slot_bytes / kKeyedFrameBytes;
  const std::uint64_t allowed = std::max<std::uint64_t>(KeyMap::keys_in(map_bytes), at_least);
  return static_cast<std::size_t>(std::min(dirty, allowed));
}

bool is_dirty(const format::LogFileHead& head) noexcept {
  return summarize(head).is_dirty();
}

// The frames of a segment that is copied as it is, for the index.
void index_frames(const SegmentImage& image, CompactionDraft& draft) {
  segment::ImageWalk walk(image.bytes, segment::FrameSeal(image.head), image.head.base_offset,
                          {format::kFirstFrameUnits, image.head.base_offset});
  while (walk.step() == segment::ImageStop::none)  // each turn takes a frame
    draft.index(image.head.index_in_file, walk.note());
}

}  // namespace

// One file's way through a round.
struct Compactor::Pass {
  const CompactionRound& round;
  const LogFileEntry& entry;
  const CompactionSource& source;
  const KeepGoing& keep_going;
  CompactionFilter filter;
  CompactionProgress progress;
  CleaningReport& report;
  std::vector<std::byte> buffer{};

  // What is clean stays so; the round makes clean what it has learned the keys of.
  bool cleans(const format::LogFileHead& head) const noexcept {
    if (!segment::is_complete(head)) return false;
    return !is_dirty(head) || segment::proved_end_offset(head) <= round.covered_to_;
  }
  Result<SegmentImage> read(std::size_t index) {
    progress.read_bytes += source.readable_bytes(index);
    return source.read(index, buffer);
  }
};

Compactor::Compactor(os::Disk& disk, StoreOwner owner, CompactionConfig config, LogFiles& files,
                     std::uint64_t seed)
    : disk_(disk), owner_(std::move(owner)), config_(config), files_(files), random_(seed) {}

std::optional<LogFileEntry> Compactor::entry_of(std::uint64_t base_offset) const {
  const auto all = files_.all();
  const auto found = std::find_if(all.begin(), all.end(), [=](const LogFileEntry& entry) {
    return entry.base_offset == base_offset;
  });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

Result<const CompactionFile*> Compactor::summary_of(const LogFileEntry& entry) {
  const auto known = known_.find(entry.base_offset);
  if (known != known_.end()) return &known->second;
  RINGMAIN_TRY_ASSIGN(source, CompactionSource::open(disk_, owner_, entry));
  CompactionFile file{entry.base_offset, source.heads().front().slot_bytes, {}};
  for (const auto& head : source.heads()) file.segments.push_back(summarize(head));
  return &known_.emplace(entry.base_offset, std::move(file)).first->second;
}

Result<CompactionPlan> Compactor::plan(std::int64_t now_ms, std::uint64_t settled_offset) {
  const auto entries = files_.all();
  if (entries.size() < 2) return CompactionPlan{};  // the last one is being written
  known_.erase(known_.begin(), known_.lower_bound(entries.front().base_offset));
  std::vector<CompactionFile> finished;
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    // By where the next one begins: a file's own end only says how much of it is durable so far.
    if (entries[i + 1].base_offset > settled_offset) break;
    RINGMAIN_TRY_ASSIGN(summary, summary_of(entries[i]));
    finished.push_back(*summary);
  }
  return plan_compaction(finished, config_, now_ms);
}

Result<std::optional<CompactionRound>> Compactor::begin(const CompactionPlan& plan,
                                                        std::int64_t now_ms,
                                                        const KeepGoing& keep_going) {
  RINGMAIN_ASSERT(!plan.empty());
  // Marks that an earlier round, or process, left undurable: tombstones must not go on their word.
  RINGMAIN_TRY(disk_.sync_directory(owner_.folder));
  CompactionRound round(plan, KeyMap(keys_for(plan, config_.map_bytes), random_()),
                        CompactionFilter(now_ms, config_.delete_retention_ms), now_ms);
  CompactionProgress progress;
  for (const std::uint64_t base_offset : plan.files) {
    const auto entry = entry_of(base_offset);
    if (!entry || entry->end_offset <= plan.dirty_from) continue;
    RINGMAIN_TRY_ASSIGN(going, learn(round, plan, *entry, progress, keep_going));
    if (!going) return std::optional<CompactionRound>{};
    if (round.covered_to_ < plan.dirty_to) break;
  }
  return std::optional(std::move(round));
}

// False: stopped. A segment that does not fit into the map ends what the round covers; what was
// learned of it is true, and stays.
Result<bool> Compactor::learn(CompactionRound& round, const CompactionPlan& plan,
                              const LogFileEntry& entry, CompactionProgress& progress,
                              const KeepGoing& keep_going) {
  RINGMAIN_TRY_ASSIGN(source, CompactionSource::open(disk_, owner_, entry));
  std::vector<std::byte> buffer;
  for (std::size_t i = 0; i < source.heads().size(); ++i) {
    const auto& head = source.heads()[i];
    if (!is_dirty(head) || segment::proved_end_offset(head) > plan.dirty_to) continue;
    if (!keep_going(progress)) return false;
    progress.read_bytes += source.readable_bytes(i);
    RINGMAIN_TRY_ASSIGN(image, source.read(i, buffer));
    bool has_room = true;
    RINGMAIN_TRY(walk_complete(
        image, entry.path, [&](const FrameNote& note, std::span<const std::byte> frame) {
          const FrameKey found = key_of(note, frame);
          if (found.role == FrameRole::keyed || found.role == FrameRole::tombstone)
            has_room = round.map_.put(round.map_.hash(found.key), note.place.offset);
          return has_room;
        }));
    if (!has_room) {
      round.covered_to_ = head.base_offset;
      return true;
    }
  }
  return true;
}

Result<CleaningReport> Compactor::run_one(CompactionRound& round, const KeepGoing& keep_going) {
  RINGMAIN_ASSERT(!round.done());
  const std::uint64_t base_offset = round.files_[round.next_];
  const auto entry = entry_of(base_offset);
  if (!entry) {
    ++round.next_;
    return CleaningReport{CleaningOutcome::gone, base_offset, 0, 0, {}};
  }
  auto report = clean(round, *entry, keep_going);
  if (!report || report->outcome == CleaningOutcome::stopped)
    round.end();
  else
    ++round.next_;
  return report;
}

Result<CleaningReport> Compactor::clean(CompactionRound& round, const LogFileEntry& entry,
                                        const KeepGoing& keep_going) {
  CleaningReport report;
  report.base_offset = entry.base_offset;
  RINGMAIN_TRY_ASSIGN(source, CompactionSource::open(disk_, owner_, entry));
  for (std::size_t i = 0; i < source.heads().size(); ++i)
    report.bytes_before += (source.readable_bytes(i) + os::disk_block_bytes - 1) /
                           os::disk_block_bytes * os::disk_block_bytes;
  report.bytes_after = report.bytes_before;
  Pass pass{round, entry, source, keep_going, round.filter_, {}, report};
  const bool makes_clean = std::any_of(
      source.heads().begin(), source.heads().end(),
      [&](const format::LogFileHead& head) { return is_dirty(head) && pass.cleans(head); });
  bool changes = makes_clean;
  if (!makes_clean) {
    RINGMAIN_TRY_ASSIGN(going, look(pass));
    if (!going) return report;
    changes = pass.filter.counts().gone() != round.filter_.counts().gone();
    if (changes) pass.filter = round.filter_;  // from the file's start again
  }
  if (changes) {
    RINGMAIN_TRY_ASSIGN(going, rewrite(pass));
    if (!going) return report;
    report.outcome = CleaningOutcome::cleaned;
  }
  const FilterCounts &before = round.filter_.counts(), &after = pass.filter.counts();
  report.counts = {after.replaced - before.replaced, after.tombstones - before.tombstones,
                   after.unreadable - before.unreadable};
  round.filter_ = pass.filter;
  return report;
}

// Passes the filter over a file, until something would go. False: stopped.
Result<bool> Compactor::look(Pass& pass) {
  const std::uint64_t gone_before = pass.filter.counts().gone();
  for (std::size_t i = 0; i < pass.source.heads().size(); ++i) {
    const auto& head = pass.source.heads()[i];
    if (!pass.cleans(head)) {
      pass.filter.pass_over();
      continue;
    }
    if (!pass.keep_going(pass.progress)) {
      pass.report.outcome = CleaningOutcome::stopped;
      return false;
    }
    RINGMAIN_TRY_ASSIGN(image, pass.read(i));
    pass.filter.enter(first_cleaned_ms(head));
    RINGMAIN_TRY(walk_complete(image, pass.entry.path,
                               [&](const FrameNote& note, std::span<const std::byte> frame) {
                                 pass.filter.stays(pass.round.map_, note, frame);
                                 return pass.filter.counts().gone() == gone_before;
                               }));
    if (pass.filter.counts().gone() != gone_before) break;
  }
  return true;
}

// False: stopped.
Result<bool> Compactor::rewrite(Pass& pass) {
  segment::FileIdentity identity = segment::identity_of(pass.source.heads().front());
  identity.file_tag = random_();
  RINGMAIN_TRY_ASSIGN(
      draft, CompactionDraft::create(disk_, owner_, identity, config_.index_interval_bytes));
  std::vector<std::byte> rewritten;
  for (std::size_t i = 0; i < pass.source.heads().size(); ++i) {
    if (!pass.keep_going(pass.progress)) {
      pass.report.outcome = CleaningOutcome::stopped;
      return false;
    }
    RINGMAIN_TRY_ASSIGN(image, pass.read(i));
    format::LogFileHead head = image.head;
    std::span<std::byte> bytes = pass.buffer;
    if (pass.cleans(head)) {
      pass.filter.enter(first_cleaned_ms(head));
      rewritten.resize(bytes.size());
      RINGMAIN_TRY_ASSIGN(
          cleaned,
          rewrite_segment(
              image, pass.entry.path,
              [&](const FrameNote& note, std::span<const std::byte> frame) {
                return pass.filter.stays(pass.round.map_, note, frame);
              },
              rewritten, [&](const FrameNote& note) { draft.index(head.index_in_file, note); }));
      head = cleaned;
      mark_cleaned(head, pass.round.now_ms_);
      bytes = std::span(rewritten).first(std::size_t{head.proved_units} * format::kFrameAlignment);
    } else {
      pass.filter.pass_over();
      index_frames(image, draft);
    }
    head.file_tag = identity.file_tag;
    segment::seal_head(head);
    std::memcpy(bytes.data(), &head, sizeof(head));
    RINGMAIN_TRY(draft.write_segment(head, bytes));
    pass.progress.written_bytes += bytes.size();
  }
  // Retention ran in between, against the rule: its file must not come back.
  if (!entry_of(pass.entry.base_offset)) {
    pass.report.outcome = CleaningOutcome::stopped;
    return false;
  }
  const Status committed = draft.commit();
  if (draft.took_over()) {
    known_.erase(pass.entry.base_offset);
    files_.replace(pass.entry.base_offset, draft.occupied_bytes(), draft.times().largest_ns);
  }
  RINGMAIN_TRY(committed);
  pass.report.bytes_after = draft.occupied_bytes();
  return true;
}

}  // namespace ringmain::storage
