// The time index of a log file: up to where no timestamp is larger than a given one.
// Contract: docs/formats/time-index.md. It begins with an IndexHead (format/offset_index.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "format/offset_index.hpp"

namespace ringmain::format {

// All three fields grow from entry to entry.
struct TimeIndexEntry {
  std::int64_t largest_ns;        // of all records in the file up to and with this frame
  std::uint32_t relative_offset;  // first offset of the frame, less the file's base offset
  std::uint32_t file_units;       // where it starts: segment index * units of a slot + units
};
static_assert(sizeof(TimeIndexEntry) == 16);
static_assert(std::has_unique_object_representations_v<TimeIndexEntry>);
static_assert(offsetof(TimeIndexEntry, relative_offset) == 8);
static_assert(offsetof(TimeIndexEntry, file_units) == 12);

}  // namespace ringmain::format
