// Entries of an index against frames: docs/formats/offset-index.md, time-index.md.
#include "inspect/verify_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "format/time_index.hpp"

namespace ringmain::tools {
namespace {

constexpr const char* remedy =
    "delete the index: no record is lost, and finding one takes longer until it is made again";

auto order_of(const segment::FilePlace& place) {
  return std::tie(place.segment_index, place.units);
}

}  // namespace

IndexVerifier::IndexVerifier(const std::string& path, segment::FileKind kind,
                             const segment::FileIdentity& log_file)
    : path_(path), kind_(kind) {
  auto content = read_index(path);
  if (!content) {
    const ErrorCode code = content.error().code;
    if (code == ErrorCode::not_found) return;
    if (code == ErrorCode::kafka_storage_error || code == ErrorCode::version_mismatch)
      damage_ = Damage{{}, path, 0, without_path(content.error().message, path)};
    else  // nobody needs it to read the log
      note_ = content.error().message;
    return;
  }
  if (content->kind != kind) {
    damage_ = Damage{{}, path, 0, fmt::format("it is an index of the other kind; {}", remedy)};
    return;
  }
  if (content->file != log_file) {
    content->file.file_tag = log_file.file_tag;
    if (content->file == log_file)
      note_ = fmt::format("{} is of an earlier file of this name: readers do without it", path);
    else
      damage_ = Damage{{}, path, 0, fmt::format("it belongs to another log file; {}", remedy)};
    return;
  }
  entries_ = std::move(content->entries);
}

void IndexVerifier::see(uint32_t segment_index, const segment::FrameNote& note) {
  largest_ns_ = std::max(largest_ns_, note.times.largest_ns);
  const segment::FilePlace here{segment_index, note.place.units, note.place.offset};
  while (next_ < entries_.size() && order_of(entries_[next_].place) <= order_of(here)) {
    const IndexEntry& entry = entries_[next_];
    if (order_of(entry.place) != order_of(here))
      damaged(next_, "names a place where no frame begins");
    else if (entry.place.offset != here.offset)
      damaged(next_, fmt::format("says offset {}, and the frame there has {}", entry.place.offset,
                                 here.offset));
    else if (entry.largest_ns && *entry.largest_ns != largest_ns_)
      damaged(next_, fmt::format("says that no record up to there is newer than {} ns, and the "
                                 "newest is of {} ns",
                                 *entry.largest_ns, largest_ns_));
    ++next_;
  }
}

std::optional<Damage> IndexVerifier::finish() {
  if (next_ < entries_.size()) damaged(next_, "names a place behind the last frame");
  return damage_;
}

uint64_t IndexVerifier::position_of(size_t entry) const noexcept {
  const size_t entry_bytes = kind_ == segment::FileKind::time_index
                                 ? sizeof(format::TimeIndexEntry)
                                 : sizeof(format::OffsetIndexEntry);
  return sizeof(format::IndexHead) + entry * entry_bytes;
}

void IndexVerifier::damaged(size_t entry, const std::string& why) {
  if (damage_) return;
  damage_ = Damage{entries_[entry].place.offset, path_, position_of(entry),
                   fmt::format("entry {} {}; {}", entry, why, remedy)};
}

}  // namespace ringmain::tools
