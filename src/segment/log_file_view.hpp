// A log file's bytes as a run of segments: find an offset, and walk frames. Runs in any process
// that may read the file; objects are not shared between threads. No byte of the file is trusted,
// and bad ones give an outcome, never an exception or a signal.
//
// The bytes are somebody else's (a mapping: MappedLogFile below, or a buffer) and must stay as long
// as the view. The broker may append to them meanwhile: a frame or head that is being written does
// not prove itself yet, and counts as not there.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "os/mapping.hpp"
#include "segment/head_cache.hpp"
#include "segment/image_walk.hpp"
#include "segment/index_builder.hpp"

namespace ringmain::segment {

enum class FindOutcome {
  found,         // `place` is the frame that was looked for
  before_start,  // the offset is below the file's first
  beyond_end,    // not in this file, or not yet: `place` is where its records end
  damaged,       // records that were durable are not there: `place` is where they end
};

struct Found {
  FindOutcome outcome = FindOutcome::beyond_end;
  FilePlace place;
};

// Makes bytes fit to be read before they are; false: they cannot be. Bytes in a buffer need none.
using BringIn = bool (*)(std::span<const std::byte>) noexcept;

class LogFileView {
 public:
  // Error: the file's first head is not sound (blank: the file holds nothing yet;
  // kafka_storage_error, version_mismatch). A fault behind it leaves the segments before it
  // readable: see fault().
  static Result<LogFileView> parse(std::span<const std::byte> bytes, const std::string& what);
  // `run`: the file's heads, one at least. `how`: see BringIn.
  LogFileView(std::shared_ptr<const HeadRun> run, std::span<const std::byte> bytes, BringIn how = nullptr) noexcept
      : bytes_(bytes), run_(std::move(run)), identity_(run_->identity()), bring_in_(how) {}

  const FileIdentity& identity() const noexcept { return identity_; }
  const std::vector<format::LogFileHead>& heads() const noexcept { return run_->heads; }
  // What stands behind the last segment that should not; RunFault::none as a rule.
  RunFault fault() const noexcept { return run_->fault; }
  const Error& error() const noexcept { return run_->error; }

  // A segment from its head on, as far as it can hold frames and the file has bytes.
  std::span<const std::byte> image(std::uint32_t segment_index) const noexcept;

  bool bring_in(std::span<const std::byte> bytes) const noexcept { return bring_in_ == nullptr || bring_in_(bytes); }

  // The frame that holds an offset (a batch holds many), or a void one's filler. An index that is
  // wrong makes it slower, not wrong.
  Found find(std::uint64_t offset, const OffsetIndex* index = nullptr) const noexcept;

  // The first frame with a record whose timestamp is at least `time_ns`: of a batch, some record in
  // it. That is where Kafka's ListOffsets finds its answer; timestamps may run backwards.
  Found find_time(std::int64_t time_ns, const TimeIndex* index = nullptr) const noexcept;

  // Where the file's first frame is, if it has one.
  FilePlace first_place() const noexcept {
    return {0, format::kFirstFrameUnits, identity_.base_offset};
  }

 private:
  FilePlace start_for(std::uint64_t offset, const OffsetIndex* index) const noexcept;
  std::optional<FilePlace> checked(const std::optional<FilePlace>& hint) const noexcept;

  std::span<const std::byte> bytes_;
  std::shared_ptr<const HeadRun> run_;
  FileIdentity identity_;
  BringIn bring_in_;
};

enum class WalkOutcome {
  frame,
  end,      // no further frame is there (yet)
  damaged,  // what was durable, or stood before a later segment, does not prove itself, or cannot be read
};

// Walks the frames of a log file, across its segments.
class LogFileWalk {
 public:
  // `from`: first_place(), or a place that find() gave.
  LogFileWalk(const LogFileView& file, FilePlace from) noexcept : file_(file), place_(from) {
    enter();
  }

  // Moves to the next frame. At `end` it stays, and may be asked again. Time: linear in the frame.
  WalkOutcome next() noexcept;

  // The frame that next() moved to, until it is called again; the bytes stay as long as the file's
  // do.
  const FrameNote& note() const noexcept { return walk_->note(); }
  std::span<const std::byte> frame() const noexcept { return walk_->frame(); }  // header and body
  FilePlace frame_place() const noexcept {
    return {place_.segment_index, note().place.units, note().place.offset};
  }

  FilePlace place() const noexcept { return place_; }  // of the frame that comes next
  ImageStop stop() const noexcept { return stop_; }    // why next() gave no frame
  bool is_unreadable() const noexcept { return is_unreadable_; }  // likewise: its bytes cannot be read

 private:
  void enter() noexcept;
  bool enter_next() noexcept;
  bool bring_in_frame() noexcept;
  bool bring_in(std::size_t until) noexcept;

  const LogFileView& file_;
  FilePlace place_;
  std::optional<ImageWalk> walk_;
  std::span<const std::byte> image_;  // of the segment at hand
  std::size_t brought_in_ = 0;        // of its bytes; those before where the walk began are not read
  ImageStop stop_ = ImageStop::none;
  bool is_unreadable_ = false;
};

// Both indexes, made anew from the file. `finish()` was called on it.
IndexBuilder rebuild_indexes(const LogFileView& file,
                             std::uint32_t interval_bytes = kDefaultIndexIntervalBytes);

// A read-only mapping of a log file.
//
// A mapping that reaches beyond its file's end raises SIGBUS where it is touched. Here it does not:
// it is as long as the file was when it was opened, only the broker can write to the files, and the
// broker never truncates a log file: it makes another and renames, or removes, and the mapping
// keeps what it shows. Recycling rewrites a file in place, so nobody but the broker may hold it
// open then. A medium that fails under a mapped page raises SIGBUS, too. So a walk brings in each stretch
// before it enters it, and an error there is damage (WalkOutcome). What is left: pages that the kernel
// took back since, and could not read again. Who must survive that reads into a buffer, and gives the
// buffer to LogFileView.
class MappedLogFile {
 public:
  static Result<MappedLogFile> open(const std::string& path);
  // Of a descriptor that the broker sent; it is only borrowed. Asks for large pages. Error, besides
  // LogFileView::parse()'s: io (the first head cannot be read).
  static Result<MappedLogFile> map(int fd, const std::string& what) { return map(fd, what, nullptr, 0); }
  // With heads that `cache` has, if they reach to `end_offset`; else it has them afterwards.
  static Result<MappedLogFile> map(int fd, const std::string& what, HeadCache* cache, std::uint64_t end_offset);

  const LogFileView& view() const noexcept { return view_; }

 private:
  MappedLogFile(os::Mapping mapping, LogFileView view) noexcept
      : mapping_(std::move(mapping)), view_(std::move(view)) {}

  os::Mapping mapping_;  // its bytes stay where they are when it is moved
  LogFileView view_;
};

}  // namespace ringmain::segment
