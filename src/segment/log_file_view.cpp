// Segments and places of a log file: docs/formats/log-file.md.
#include "segment/log_file_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "os/file.hpp"
#include "os/peek.hpp"
#include "segment/prove.hpp"

namespace ringmain::segment {
namespace {

// A call for each costs a hundredth of what it takes to prove so much; more would be brought in long before it is read.
constexpr std::size_t kStretchBytes = 1 << 20;

using Run = std::shared_ptr<const HeadRun>;

// With a first head, at least.
Result<Run> begun(HeadRun run) {
  if (run.heads.empty()) return tl::make_unexpected(std::move(run.error));
  run.heads.shrink_to_fit();
  return std::make_shared<const HeadRun>(std::move(run));
}

// They lie far apart: a look at each through the mapping would read all that lies between them, too.
Result<Run> peek_at_heads(int fd, std::uint64_t size_bytes, const std::string& what, HeadCache* cache, std::uint64_t end_offset) {
  const os::Peek file(fd);
  const auto read = [&](std::uint64_t at, std::span<std::byte> into) -> Result<std::size_t> {
    auto count = file.read(at, into);
    if (count) return count;
    return fail(ErrorCode::io, fmt::format("{}: byte {} cannot be read: the disk fails ({})", what, at, count.error().message));
  };
  if (cache != nullptr) {
    std::array<std::byte, sizeof(format::LogFileHead)> bytes{};
    format::LogFileHead first{};
    RINGMAIN_TRY_ASSIGN(count, read(0, bytes));
    const bool is_sound = read_head(std::span(bytes).first(count), 0, first) == HeadState::valid;
    const Run known = is_sound ? cache->find(first) : nullptr;
    if (known && known->proved_end_offset() >= end_offset) return known;
  }
  RINGMAIN_TRY_ASSIGN(run, begun(read_run(size_bytes, read, what)));
  if (cache != nullptr && run->fault == RunFault::none) cache->keep(run);
  return run;
}

}  // namespace

Result<LogFileView> LogFileView::parse(std::span<const std::byte> bytes, const std::string& what) {
  const auto read = [&](std::uint64_t at, std::span<std::byte> into) -> Result<std::size_t> {
    const auto from = bytes.subspan(std::min<std::uint64_t>(at, bytes.size()));
    const std::size_t count = std::min(into.size(), from.size());
    std::copy_n(from.begin(), count, into.begin());
    return count;
  };
  RINGMAIN_TRY_ASSIGN(run, begun(read_run(bytes.size(), read, what)));
  return LogFileView(std::move(run), bytes);
}

std::span<const std::byte> LogFileView::image(std::uint32_t segment_index) const noexcept {
  if (segment_index >= run_->heads.size()) return {};
  const auto& head = run_->heads[segment_index];
  const std::uint64_t at = std::min<std::uint64_t>(segment_index * head.slot_bytes, bytes_.size());
  return written_part(bytes_.subspan(at), head);
}

// A frame proves itself there, and begins with the offset that the index says.
std::optional<FilePlace> LogFileView::checked(const std::optional<FilePlace>& hint) const noexcept {
  if (!hint || hint->segment_index >= run_->heads.size()) return std::nullopt;
  if (hint->offset < run_->heads[hint->segment_index].base_offset) return std::nullopt;
  LogFileWalk walk(*this, *hint);
  if (walk.next() != WalkOutcome::frame || walk.frame_place() != *hint) return std::nullopt;
  return hint;
}

// Some frame at or below the offset, as near as is known.
FilePlace LogFileView::start_for(std::uint64_t offset, const OffsetIndex* index) const noexcept {
  const auto above = std::upper_bound(run_->heads.begin() + 1, run_->heads.end(), offset,
                                      [](std::uint64_t wanted, const format::LogFileHead& head) {
                                        return wanted < head.base_offset;
                                      });
  const auto& head = *(above - 1);
  const FilePlace start{head.index_in_file, format::kFirstFrameUnits, head.base_offset};
  if (index == nullptr || index->file() != identity_) return start;
  const auto hint = checked(index->at_or_below(offset));
  return hint && hint->offset > start.offset ? *hint : start;
}

Found LogFileView::find(std::uint64_t offset, const OffsetIndex* index) const noexcept {
  if (offset < identity_.base_offset) return {FindOutcome::before_start, first_place()};
  LogFileWalk walk(*this, start_for(offset, index));
  for (;;) {  // bounded by the file's frames
    const WalkOutcome outcome = walk.next();
    if (outcome == WalkOutcome::damaged) return {FindOutcome::damaged, walk.place()};
    if (outcome == WalkOutcome::end) return {FindOutcome::beyond_end, walk.place()};
    if (walk.place().offset > offset) return {FindOutcome::found, walk.frame_place()};
  }
}

Found LogFileView::find_time(std::int64_t time_ns, const TimeIndex* index) const noexcept {
  FilePlace start = first_place();
  if (index != nullptr && index->file() == identity_)
    start = checked(index->all_older_before(time_ns)).value_or(start);
  // Segments whose heads say that all of it is older need no look.
  while (start.segment_index + 1 < run_->heads.size() &&
         is_complete(run_->heads[start.segment_index]) &&
         run_->heads[start.segment_index].largest_ns < time_ns) {
    const auto& next = run_->heads[start.segment_index + 1];
    start = {next.index_in_file, format::kFirstFrameUnits, next.base_offset};
  }
  LogFileWalk walk(*this, start);
  for (;;) {  // bounded by the file's frames
    const WalkOutcome outcome = walk.next();
    if (outcome == WalkOutcome::damaged) return {FindOutcome::damaged, walk.place()};
    if (outcome == WalkOutcome::end) return {FindOutcome::beyond_end, walk.place()};
    const TimeRange& times = walk.note().times;
    if (!times.empty() && times.largest_ns >= time_ns)
      return {FindOutcome::found, walk.frame_place()};
  }
}

void LogFileWalk::enter() noexcept {
  if (place_.segment_index >= file_.heads().size()) return;
  const auto& head = file_.heads()[place_.segment_index];
  image_ = file_.image(place_.segment_index);
  brought_in_ = std::min(std::size_t{place_.units} * format::kFrameAlignment, image_.size());
  walk_.emplace(image_, FrameSeal(head), head.base_offset, SegmentPlace{place_.units, place_.offset});
}

bool LogFileWalk::bring_in(std::size_t until) noexcept {
  until = std::min(until, image_.size());
  if (until <= brought_in_) return true;
  const std::size_t to = std::min(std::max(until, brought_in_ + kStretchBytes), image_.size());
  if (!file_.bring_in(image_.subspan(brought_in_, to - brought_in_))) return false;
  brought_in_ = to;
  return true;
}

// All that a step looks at: the header, and as much as that says. What it says may be wrong: no more than the segment.
bool LogFileWalk::bring_in_frame() noexcept {
  const std::size_t at = std::size_t{place_.units} * format::kFrameAlignment;
  if (!bring_in(at + format::kFrameHeaderBytes)) return false;
  if (at + format::kFrameHeaderBytes > image_.size()) return true;  // no frame there
  std::uint64_t commit;
  std::memcpy(&commit, image_.data() + at + offsetof(PlainFrameHeader, commit), sizeof(commit));
  return bring_in(at + static_cast<std::size_t>(std::max(format::commit_size(commit), 0)));
}

bool LogFileWalk::enter_next() noexcept {
  const auto& heads = file_.heads();
  const std::size_t next = std::size_t{place_.segment_index} + 1;
  if (next >= heads.size() || heads[next].base_offset != place_.offset) return false;
  place_ = {heads[next].index_in_file, format::kFirstFrameUnits, heads[next].base_offset};
  enter();
  return true;
}

WalkOutcome LogFileWalk::next() noexcept {
  for (;;) {  // each turn takes a frame, enters a later segment, or returns
    if (!walk_) return WalkOutcome::end;
    is_unreadable_ = !bring_in_frame();
    if (is_unreadable_) return WalkOutcome::damaged;
    stop_ = walk_->step();
    if (stop_ == ImageStop::none) {
      place_.units = walk_->place().units;
      place_.offset = walk_->place().offset;
      return WalkOutcome::frame;
    }
    const auto& head = file_.heads()[place_.segment_index];
    if (place_.units < head.proved_units) return WalkOutcome::damaged;
    if (is_complete(head) && place_.offset != proved_end_offset(head)) return WalkOutcome::damaged;
    if (enter_next()) continue;
    const bool is_last = std::size_t{place_.segment_index} + 1 >= file_.heads().size();
    return is_last ? WalkOutcome::end : WalkOutcome::damaged;
  }
}

IndexBuilder rebuild_indexes(const LogFileView& file, std::uint32_t interval_bytes) {
  IndexBuilder builder(file.identity(), interval_bytes);
  LogFileWalk walk(file, file.first_place());
  while (walk.next() == WalkOutcome::frame) builder.add(walk.place().segment_index, walk.note());
  builder.finish();
  return builder;
}

Result<MappedLogFile> MappedLogFile::open(const std::string& path) {
  RINGMAIN_TRY_ASSIGN(fd, os::open_file(path, O_RDONLY));
  return map(fd.get(), path);
}

Result<MappedLogFile> MappedLogFile::map(int fd, const std::string& what, HeadCache* cache, std::uint64_t end_offset) {
  RINGMAIN_TRY_ASSIGN(size_bytes, os::file_size_bytes(fd));
  if (size_bytes < sizeof(format::LogFileHead))
    return fail(
        ErrorCode::kafka_storage_error,
        what + " is shorter than the head of a segment: it is no log file, or holds nothing yet");
  RINGMAIN_TRY_ASSIGN(heads, peek_at_heads(fd, size_bytes, what, cache, end_offset));
  RINGMAIN_TRY_ASSIGN(mapping, os::Mapping::map(fd, 0, size_bytes, os::Access::read_only));
  mapping.ask_for_huge();
  LogFileView view(std::move(heads), mapping.bytes(), os::bring_in);
  return MappedLogFile(std::move(mapping), std::move(view));
}

}  // namespace ringmain::segment
