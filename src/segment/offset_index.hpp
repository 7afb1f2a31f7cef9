// The offset index of one log file, in memory: built as frames are written, or decoded from its
// file. One thread per object. Contract: docs/formats/offset-index.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/offset_index.hpp"
#include "segment/file_identity.hpp"

namespace ringmain::segment {

class OffsetIndex {
 public:
  explicit OffsetIndex(const FileIdentity& file) : file_(file) {}  // empty

  // Of any bytes. `what` names the file in errors. Errors: kafka_storage_error (damaged, or of
  // another log file: rebuild it), version_mismatch (newer).
  static Result<OffsetIndex> decode(std::span<const std::byte> bytes, const FileIdentity& expected,
                                    const std::string& what);
  std::vector<std::byte> encode() const;

  // Appends a frame's place. One that does not follow the last entry, or is too far from the file's
  // start for 32 bits, is left out: an index that lacks entries is merely slower.
  void add(const FilePlace& place);

  // The last indexed frame at or below `offset`; nullopt: look from the file's start.
  std::optional<FilePlace> at_or_below(std::uint64_t offset) const noexcept;

  std::size_t size() const noexcept { return entries_.size(); }
  const FileIdentity& file() const noexcept { return file_; }
  FilePlace entry(std::size_t index) const noexcept;

 private:
  FileIdentity file_;
  std::vector<format::OffsetIndexEntry> entries_;
};

}  // namespace ringmain::segment
