// The time index: docs/formats/time-index.md.
#include "segment/time_index.hpp"

#include <algorithm>

#include "segment/index_file.hpp"

namespace ringmain::segment {

Result<TimeIndex> TimeIndex::decode(std::span<const std::byte> bytes, const FileIdentity& expected,
                                    const std::string& what) {
  RINGMAIN_TRY_ASSIGN(
      entries, decode_index(kTimeIndexKind, bytes, expected, sizeof(format::TimeIndexEntry), what));
  TimeIndex index(expected);
  index.entries_ = entries_from<format::TimeIndexEntry>(entries);
  for (std::size_t i = 0; i < index.entries_.size(); ++i) {
    const auto& entry = index.entries_[i];
    if (!may_hold_frame(expected, entry.file_units))
      return bad_index_entry(kTimeIndexKind, what, i, "names a place where no frame can be");
    if (i == 0) continue;
    const auto& before = index.entries_[i - 1];
    if (entry.largest_ns <= before.largest_ns || entry.relative_offset <= before.relative_offset ||
        entry.file_units <= before.file_units)
      return bad_index_entry(kTimeIndexKind, what, i, "does not follow the one before");
  }
  return index;
}

std::vector<std::byte> TimeIndex::encode() const {
  return encode_index(kTimeIndexKind, file_, std::as_bytes(std::span(entries_)),
                      sizeof(format::TimeIndexEntry));
}

void TimeIndex::add(std::int64_t largest_ns, const FilePlace& place) {
  PackedPlace packed;
  if (largest_ns == format::kNoLargestNs || !pack_place(file_, place, packed)) return;
  if (!entries_.empty()) {
    const auto& last = entries_.back();
    if (largest_ns <= last.largest_ns || packed.relative_offset <= last.relative_offset ||
        packed.file_units <= last.file_units)
      return;
  }
  entries_.push_back({largest_ns, packed.relative_offset, packed.file_units});
}

std::optional<FilePlace> TimeIndex::all_older_before(std::int64_t time_ns) const noexcept {
  const auto reached = std::partition_point(
      entries_.begin(), entries_.end(),
      [time_ns](const format::TimeIndexEntry& entry) { return entry.largest_ns < time_ns; });
  if (reached == entries_.begin()) return std::nullopt;
  const auto& entry = *(reached - 1);
  return unpack_place(file_, entry.relative_offset, entry.file_units);
}

}  // namespace ringmain::segment
