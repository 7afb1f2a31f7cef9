// What of a damaged segment still proves itself, and the fillers that take the place of the rest.
// Frames stay where they are, so their checksums stay right. Pure over the image, every byte of
// which may be wrong; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "segment/frame_note.hpp"
#include "segment/head.hpp"

namespace ringmain::storage {

// Frames that follow one another and prove themselves.
struct ProvedRun {
  segment::SegmentPlace first, end;
  std::uint64_t frames = 0;
  segment::TimeRange times;
};

struct ProvedRuns {
  std::vector<ProvedRun> runs;  // by place
  bool cut_short = false;  // too many bytes merely look like frames: some may not have been found
};

// All runs of the segment that `head` names, wherever they stand. Of the head only the identity
// counts, and the base offset, below which no frame is taken.
ProvedRuns find_runs(std::span<const std::byte> image, const format::LogFileHead& head);

// Between two places of a segment: what is lost.
struct LostStretch {
  segment::SegmentPlace from, to;
  friend bool operator==(const LostStretch&, const LostStretch&) = default;
};

// Where a segment ends, as far as that is known.
struct SegmentEnd {
  std::optional<std::uint64_t> offset;
  std::optional<std::uint32_t> units;  // never without the offset
};

struct Mending {
  std::vector<LostStretch> lost;
  segment::SegmentPlace end;  // of the segment when it is mended
  segment::TimeRange times;   // of what stays
};

// Chooses the runs that stay: those that go together and hold the most frames, so that a frame that
// a producer hid in a record cannot push out others. nullopt: the offsets up to the end do not fit
// into the segment.
std::optional<Mending> mend(const std::vector<ProvedRun>& runs, std::uint64_t base_offset,
                            const SegmentEnd& end, std::uint32_t capacity_units);

// Covers the stretch with fillers.
void fill(std::span<std::byte> image, const format::LogFileHead& head, const LostStretch& stretch);

// What is known of a segment whose head is lost.
struct HeadClues {
  std::vector<std::uint64_t> sequences;  // that it may have
  std::vector<std::uint32_t> epochs;
  std::uint64_t lowest_offset = 0, highest_offset = 0;  // of its frames
};

// The identity (tag, sequence, leader epoch) under which frames of the image prove themselves, in a
// head that is `like` otherwise. nullopt: no frame does.
std::optional<format::LogFileHead> find_identity(std::span<const std::byte> image,
                                                 const HeadClues& clues,
                                                 const format::LogFileHead& like);

}  // namespace ringmain::storage
