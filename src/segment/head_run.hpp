// The run of segments in one log file: which heads belong to it, and where it ends. Pure over the
// heads. Contract: docs/formats/log-file.md, "Run".
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "segment/file_identity.hpp"
#include "segment/head.hpp"

namespace ringmain::segment {

enum class RunFault {
  none,
  blank,       // no head was ever written: the file was made and not used
  short_file,  // the file is smaller than its heads say
  damaged,     // a head is damaged, or missing before others
  newer_version,
  unreadable,  // the system refused to read
};

struct HeadRun {
  std::vector<format::LogFileHead> heads;  // sound, from the file's start
  RunFault fault = RunFault::none;         // what stands behind them that should not
  Error error;                             // of the fault, with its place and what to do

  FileIdentity identity() const noexcept { return identity_of(heads.front()); }  // not if empty
  std::uint64_t proved_end_offset() const noexcept {
    return segment::proved_end_offset(heads.back());
  }
};

// Reads the bytes of a head at a place; fewer at the file's end.
using ReadHeadAt = std::function<Result<std::size_t>(std::uint64_t at, std::span<std::byte> into)>;

// Reads all heads of a file. Bounded by the file's size; `what` names the file in errors.
HeadRun read_run(std::uint64_t file_bytes, const ReadHeadAt& read, const std::string& what);

}  // namespace ringmain::segment
