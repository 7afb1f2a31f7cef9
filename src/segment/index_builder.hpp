// Builds both indexes of a log file while its frames are written, or when they are walked again.
// One thread per object (the persister's); no I/O.
#pragma once

#include "segment/frame_note.hpp"
#include "segment/offset_index.hpp"
#include "segment/time_index.hpp"

namespace ringmain::segment {

inline constexpr std::uint32_t kDefaultIndexIntervalBytes = 4096;

class IndexBuilder {
 public:
  explicit IndexBuilder(const FileIdentity& file,
                        std::uint32_t interval_bytes = kDefaultIndexIntervalBytes)
      : interval_bytes_(interval_bytes), offsets_(file), times_(file) {}

  // Takes the next frame of the file. Costs a few instructions, and an entry every interval.
  void add(std::uint32_t segment_index, const FrameNote& note) {
    range_.add(note.times);
    bytes_since_entry_ += note.size;
    if (note.records == 0) return;
    last_ = {segment_index, note.place.units, note.place.offset};
    if (bytes_since_entry_ < interval_bytes_) return;
    bytes_since_entry_ = 0;
    offsets_.add(last_);
    times_.add(range_.largest_ns, last_);
  }

  // The file gets no more frames: the time index now says what its largest timestamp is.
  void finish() { times_.add(range_.largest_ns, last_); }

  const OffsetIndex& offsets() const noexcept { return offsets_; }
  const TimeIndex& times() const noexcept { return times_; }
  const TimeRange& range() const noexcept { return range_; }  // of all frames so far

 private:
  std::uint32_t interval_bytes_;
  std::uint64_t bytes_since_entry_ = 0;
  FilePlace last_;
  TimeRange range_;
  OffsetIndex offsets_;
  TimeIndex times_;
};

}  // namespace ringmain::segment
