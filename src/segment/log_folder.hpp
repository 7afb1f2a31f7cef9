// What a partition's folder on disk holds: its log files in order, and everything that is wrong
// with them. Pure over a listing and a callback that reads; runs in the broker when it starts, and
// in tools.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "segment/file_name.hpp"
#include "segment/head_run.hpp"

namespace ringmain::segment {

enum class FolderFault {
  foreign,        // no file of ours
  unfinished,     // left half made by a death: may be removed
  orphan_index,   // an index without its log file: may be removed
  blank,          // a log file without a segment: made ahead and not used
  misnamed,       // its head says another base offset than its name
  swapped,        // of another topic or partition
  truncated,      // shorter than what was durable
  newer_version,  // of a later program
  damaged,        // a head is damaged or missing
  unreadable,     // the system refused to read
  open_end,       // not the last file, and its last segment says no end: walk it before use
  gap,            // offsets between this file and the one before are in no file
  overlap,        // this file begins before the one before it ends
};

// Faults that a start may go on with after acting as the message says; the others need a person.
bool is_harmless(FolderFault fault) noexcept;

struct FolderFinding {
  FolderFault fault;
  std::string name;     // of the file
  std::string message;  // what, where, what to do
};

struct ListedFile {
  std::string name;
  std::uint64_t size_bytes = 0;
};

struct LogFileInfo {
  std::string name;
  std::uint64_t size_bytes = 0;
  std::vector<format::LogFileHead> heads;  // never empty
  bool has_offset_index = false;
  bool has_time_index = false;

  std::uint64_t base_offset() const noexcept { return heads.front().base_offset; }
};

struct FolderOwner {
  TopicId topic_id{};
  std::uint32_t partition = 0;
  std::string path;  // of the folder, for messages
};

// Reads a file's bytes at a place; fewer at its end.
using ReadFileAt = std::function<Result<std::size_t>(const std::string& name, std::uint64_t at,
                                                     std::span<std::byte> into)>;

struct LogFolder {
  std::vector<LogFileInfo> files;  // those of this partition that can be read, by base offset
  std::vector<FolderFinding> findings;

  bool is_sound() const noexcept;  // no finding but harmless ones
};

LogFolder survey_folder(const FolderOwner& owner, const std::vector<ListedFile>& listing,
                        const ReadFileAt& read);

}  // namespace ringmain::segment
