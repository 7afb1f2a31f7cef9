// Which records compaction keeps. Pure; one object for a round, which is shown every frame of the
// log in order, from the oldest file on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "segment/frame_note.hpp"
#include "storage/key_map.hpp"

namespace ringmain::storage {

// What a frame is to compaction.
enum class FrameRole {
  keyed,       // a record with a key
  tombstone,   // with a key and without a value: says that the key is gone
  keyless,     // a record without a key: nothing replaces it
  unreadable,  // a record whose producer wrote sizes that contradict each other: likewise
  opaque,      // may hold keys that nobody here can see: a batch, a flag of a later version
  filler,
};
struct FrameKey {
  FrameRole role = FrameRole::filler;
  std::string_view key;  // keyed, tombstone; in place
};
// Of header and body of a frame that proved itself.
FrameKey key_of(const segment::FrameNote& note, std::span<const std::byte> frame) noexcept;

struct FilterCounts {
  std::uint64_t replaced = 0;    // records that went for a newer one
  std::uint64_t tombstones = 0;  // that went because they were old
  std::uint64_t unreadable = 0;  // records that stayed because nobody can read them
  std::uint64_t gone() const noexcept { return replaced + tombstones; }
};

class CompactionFilter {
 public:
  CompactionFilter(std::int64_t now_ms, std::int64_t delete_retention_ms) noexcept
      : now_ms_(now_ms), delete_retention_ms_(delete_retention_ms) {}

  // A segment begins. `cleaned_ms`: when it was first cleaned, if it was.
  void enter(std::optional<std::int64_t> cleaned_ms) noexcept {
    tombstones_expired_ = cleaned_ms && now_ms_ - *cleaned_ms >= delete_retention_ms_;
  }

  // Says whether the frame stays (a filler does not), and counts.
  bool stays(const KeyMap& map, const segment::FrameNote& note,
             std::span<const std::byte> frame) noexcept;

  // A segment is passed over as it is. What it holds may be older values of any key.
  void pass_over() noexcept { opaque_below_ = true; }

  const FilterCounts& counts() const noexcept { return counts_; }

 private:
  std::int64_t now_ms_;
  std::int64_t delete_retention_ms_;
  bool tombstones_expired_ = false;
  // Invariant: set before the first tombstone behind something whose keys were not seen. An older
  // value may be in there, and would come back to life if its tombstone went: so they stay.
  bool opaque_below_ = false;
  FilterCounts counts_;
};

}  // namespace ringmain::storage
