// What both index files have in common: head, checksum, a table of entries. Pure; any thread.
// Contract: docs/formats/offset-index.md, "Head".
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/offset_index.hpp"
#include "segment/file_identity.hpp"

namespace ringmain::segment {

struct IndexKind {
  std::uint64_t magic;
  const char* name;  // for messages: "offset index"
};
inline constexpr IndexKind kOffsetIndexKind{format::kOffsetIndexMagic, "offset index"};
inline constexpr IndexKind kTimeIndexKind{format::kTimeIndexMagic, "time index"};

std::vector<std::byte> encode_index(const IndexKind& kind, const FileIdentity& file,
                                    std::span<const std::byte> entries, std::size_t entry_bytes);

// The bytes of the entries, whole ones. Errors: kafka_storage_error, version_mismatch.
Result<std::span<const std::byte>> decode_index(const IndexKind& kind,
                                                std::span<const std::byte> bytes,
                                                const FileIdentity& expected,
                                                std::size_t entry_bytes, const std::string& what);

// The error for an entry that cannot be.
tl::unexpected<Error> bad_index_entry(const IndexKind& kind, const std::string& what,
                                      std::size_t index, const std::string& why);

// Places as the entries hold them.
inline FilePlace unpack_place(const FileIdentity& file, std::uint32_t relative_offset,
                              std::uint32_t file_units) noexcept {
  return {file_units / file.slot_units(), file_units % file.slot_units(),
          file.base_offset + relative_offset};
}
struct PackedPlace {
  std::uint32_t relative_offset;
  std::uint32_t file_units;
};
// False if a number does not fit into its 32 bits.
inline bool pack_place(const FileIdentity& file, const FilePlace& place,
                       PackedPlace& into) noexcept {
  const std::uint64_t units = std::uint64_t{place.segment_index} * file.slot_units() + place.units;
  const std::uint64_t relative = place.offset - file.base_offset;
  into = {static_cast<std::uint32_t>(relative), static_cast<std::uint32_t>(units)};
  return place.offset >= file.base_offset && relative <= 0xffffffff && units <= 0xffffffff;
}
// False if no frame can stand there.
inline bool may_hold_frame(const FileIdentity& file, std::uint32_t file_units) noexcept {
  return file_units % file.slot_units() >= format::kFirstFrameUnits;
}

template <class Entry>
std::vector<Entry> entries_from(std::span<const std::byte> bytes) {
  std::vector<Entry> entries(bytes.size() / sizeof(Entry));
  if (!entries.empty()) std::memcpy(entries.data(), bytes.data(), entries.size() * sizeof(Entry));
  return entries;
}

}  // namespace ringmain::segment
