// The offset index: docs/formats/offset-index.md.
#include "segment/offset_index.hpp"

#include <algorithm>

#include "segment/index_file.hpp"

namespace ringmain::segment {

Result<OffsetIndex> OffsetIndex::decode(std::span<const std::byte> bytes,
                                        const FileIdentity& expected, const std::string& what) {
  RINGMAIN_TRY_ASSIGN(entries, decode_index(kOffsetIndexKind, bytes, expected,
                                            sizeof(format::OffsetIndexEntry), what));
  OffsetIndex index(expected);
  index.entries_ = entries_from<format::OffsetIndexEntry>(entries);
  for (std::size_t i = 0; i < index.entries_.size(); ++i) {
    const auto& entry = index.entries_[i];
    if (!may_hold_frame(expected, entry.file_units))
      return bad_index_entry(kOffsetIndexKind, what, i, "names a place where no frame can be");
    if (i != 0 && (entry.relative_offset <= index.entries_[i - 1].relative_offset ||
                   entry.file_units <= index.entries_[i - 1].file_units))
      return bad_index_entry(kOffsetIndexKind, what, i, "does not follow the one before");
  }
  return index;
}

std::vector<std::byte> OffsetIndex::encode() const {
  return encode_index(kOffsetIndexKind, file_, std::as_bytes(std::span(entries_)),
                      sizeof(format::OffsetIndexEntry));
}

void OffsetIndex::add(const FilePlace& place) {
  PackedPlace packed;
  if (!pack_place(file_, place, packed)) return;
  if (!entries_.empty() && (packed.relative_offset <= entries_.back().relative_offset ||
                            packed.file_units <= entries_.back().file_units))
    return;
  entries_.push_back({packed.relative_offset, packed.file_units});
}

std::optional<FilePlace> OffsetIndex::at_or_below(std::uint64_t offset) const noexcept {
  if (offset < file_.base_offset) return std::nullopt;
  const std::uint64_t relative = offset - file_.base_offset;
  const auto above =
      std::upper_bound(entries_.begin(), entries_.end(), relative,
                       [](std::uint64_t wanted, const format::OffsetIndexEntry& entry) {
                         return wanted < entry.relative_offset;
                       });
  if (above == entries_.begin()) return std::nullopt;
  return entry(static_cast<std::size_t>(above - entries_.begin()) - 1);
}

FilePlace OffsetIndex::entry(std::size_t index) const noexcept {
  return unpack_place(file_, entries_[index].relative_offset, entries_[index].file_units);
}

}  // namespace ringmain::segment
