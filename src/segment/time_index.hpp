// The time index of one log file, in memory: built as frames are written, or decoded from its file.
// One thread per object. Contract: docs/formats/time-index.md.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/time_index.hpp"
#include "segment/file_identity.hpp"

namespace ringmain::segment {

class TimeIndex {
 public:
  explicit TimeIndex(const FileIdentity& file) : file_(file) {}  // empty

  // As OffsetIndex::decode().
  static Result<TimeIndex> decode(std::span<const std::byte> bytes, const FileIdentity& expected,
                                  const std::string& what);
  std::vector<std::byte> encode() const;

  // Says that `largest_ns` is the largest timestamp of all records up to and with the frame at
  // `place`. One that is no larger than the last entry's, or does not follow it, is left out.
  void add(std::int64_t largest_ns, const FilePlace& place);

  // Where to look for the first record with a timestamp of at least `time_ns`: every record before
  // that place is older. nullopt: look from the file's start.
  std::optional<FilePlace> all_older_before(std::int64_t time_ns) const noexcept;

  // Of the last entry; kNoLargestNs if there is none. Of an index that was finished: of the whole
  // file.
  std::int64_t largest_ns() const noexcept {
    return entries_.empty() ? format::kNoLargestNs : entries_.back().largest_ns;
  }

  std::size_t size() const noexcept { return entries_.size(); }
  const FileIdentity& file() const noexcept { return file_; }

 private:
  FileIdentity file_;
  std::vector<format::TimeIndexEntry> entries_;
};

}  // namespace ringmain::segment
