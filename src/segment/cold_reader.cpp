#include "segment/cold_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringmain::segment {

namespace {

// Why a walk that should have given a frame did not.
const char* words_for(const LogFileWalk& walk) {
  return walk.is_unreadable() ? "what should be there cannot be read: the disk gives an error, or the file was cut"
                              : "what should be there does not prove itself";
}

}  // namespace

Result<std::unique_ptr<ColdReader>> ColdReader::open(const ColdFile& file,
                                                     const PartitionIdentity& of, HeadCache* cache) {
  RINGMAIN_TRY_ASSIGN(mapped,
                      MappedLogFile::map(file.fd.get(), "the log file " + file.name, cache, file.end_offset));
  const FileIdentity& found = mapped.view().identity();
  if (found.topic_id != of.topic_id || found.partition != of.partition ||
      found.base_offset != file.base_offset)
    return fail(
        ErrorCode::kafka_storage_error,
        fmt::format("the log file {} is another one than it should be: it names partition {} and "
                    "base offset {}, "
                    "expected are {} and {} of the topic at hand; somebody has moved files",
                    file.name, found.partition, found.base_offset, of.partition, file.base_offset));
  return std::unique_ptr<ColdReader>(new ColdReader(std::move(mapped), file.name, file.end_offset));
}

Status ColdReader::seek(std::uint64_t offset) {
  if (offset < base_offset() || offset > end_offset_)
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("offset {} is not in the log file {}, which holds {} to {}", offset,
                            name_, base_offset(), end_offset_));
  const Found found = file_.view().find(offset);
  const bool at_end = found.outcome == FindOutcome::beyond_end && found.place.offset == offset;
  if (found.outcome != FindOutcome::found && !at_end)
    return tl::make_unexpected(damage_at(found.place));
  walk_.emplace(file_.view(), found.place);
  return {};
}

ColdReader::Outcome ColdReader::next() noexcept {
  for (;;) {  // each turn passes a filler, or returns
    if (next_offset() >= end_offset_) return Outcome::end;
    if (walk_->next() != WalkOutcome::frame) return Outcome::damaged;
    if (walk_->note().type == format::FrameType::filler) continue;
    frame_ = reinterpret_cast<const format::FrameHeader*>(walk_->frame().data());
    frame_size_ = walk_->note().size;
    offset_ = walk_->note().place.offset;
    return Outcome::record;
  }
}

Error ColdReader::damage() const {
  return damage_at(walk_->place());
}

Error ColdReader::damage_at(FilePlace place) const {
  LogFileWalk walk(file_.view(), place);
  const bool at_last_head = walk.next() == WalkOutcome::end;
  if (at_last_head && file_.view().fault() == RunFault::unreadable) return file_.view().error();
  return damage(place.offset, words_for(walk));
}

Error ColdReader::damage(std::uint64_t offset, const std::string& what) const {
  std::uint64_t behind = end_offset_;  // the next segment's start: no damage reaches over it
  for (const format::LogFileHead& head : file_.view().heads())
    if (head.base_offset > offset) behind = std::min(behind, head.base_offset);
  return {ErrorCode::corrupt_message, fmt::format("the log file {} is damaged at offset {}: {}. "
                                                  "Restore the file or skip what is damaged with `ringmain log repair`; "
                                                  "or seek to offset {} to go on without the records before it",
                                                  name_, offset, what, behind)};
}

Result<std::optional<ColdReader::Timed>> ColdReader::find_time(std::int64_t time_ns,
                                                               std::uint64_t from_offset) const {
  Found found = file_.view().find_time(time_ns);
  if (found.outcome == FindOutcome::found && found.place.offset < from_offset)
    found = file_.view().find(from_offset);  // every record from there on is looked at
  if (found.outcome == FindOutcome::beyond_end && found.place.offset >= end_offset_)
    return std::nullopt;
  if (found.outcome != FindOutcome::found)
    return tl::make_unexpected(damage_at(found.place));
  LogFileWalk walk(file_.view(), found.place);
  while (walk.place().offset < end_offset_) {  // bounded by the file's frames
    if (walk.next() != WalkOutcome::frame)
      return tl::make_unexpected(damage_at(walk.place()));
    const FrameNote& note = walk.note();
    if (!note.times.empty() && note.times.largest_ns >= time_ns)
      return Timed{note.place.offset, note.times.largest_ns};
  }
  return std::nullopt;
}

}  // namespace ringmain::segment
