// Looks into a partition's files on disk without taking part in it: read-only, by pread into memory
// of its own, so that a file that is cut short, or a medium that fails, is an error and no signal.
// Every byte may be wrong; a broker may write on, rename and remove files meanwhile.
// Contract of what is read: docs/formats/log-file.md, offset-index.md, time-index.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "os/fd.hpp"
#include "segment/file_name.hpp"
#include "segment/head_run.hpp"
#include "segment/log_folder.hpp"

namespace ringmain::tools {

class LogFile {
 public:
  // Errors: not_found, permission_denied, io, invalid_argument (not a regular file).
  static Result<LogFile> open(const std::string& path);

  const std::string& path() const noexcept { return path_; }
  // As it was opened; of a file that is larger than a log file can be, only that much.
  uint64_t size_bytes() const noexcept { return size_bytes_; }

  // Fewer bytes at the file's end.
  Result<size_t> read_at(uint64_t position, std::span<std::byte> into) const;
  segment::HeadRun heads() const;
  // A segment from its head on, as far as it may hold frames and the file has bytes. The bytes stay
  // until the next call.
  Result<std::span<const std::byte>> image(const format::LogFileHead& head);

 private:
  LogFile(std::string path, os::UniqueFd fd, uint64_t size_bytes)
      : path_(std::move(path)), fd_(std::move(fd)), size_bytes_(size_bytes) {}

  std::string path_;
  os::UniqueFd fd_;
  uint64_t size_bytes_;
  std::vector<std::byte> image_;
};

// An entry of either index.
struct IndexEntry {
  segment::FilePlace place;
  std::optional<int64_t> largest_ns;  // time index
};
// Of an index file: its own identity, and its entries. Errors: those of the disk,
// kafka_storage_error, version_mismatch.
struct IndexContent {
  segment::FileKind kind = segment::FileKind::offset_index;
  segment::FileIdentity file;  // the log file that it says it belongs to
  std::vector<IndexEntry> entries;
};
Result<IndexContent> read_index(const std::string& path);

// What a file is, by its first bytes; nullopt: neither a log file nor an index.
std::optional<segment::FileKind> kind_by_magic(const std::string& path) noexcept;

// "TOPIC-PARTITION.TOPICID", as the folders below <bus>/log are called.
struct PartitionFolderName {
  std::string partition;  // "events-0"
  uint32_t index = 0;
  segment::TopicId topic_id{};
};
std::optional<PartitionFolderName> parse_partition_folder(std::string_view name);

// The last part of a path: of "a/b/" it is "b".
std::string last_name(const std::string& path);
std::string parent_folder(const std::string& path);

// The regular files of a folder with their sizes.
Result<std::vector<segment::ListedFile>> list_files(const std::string& folder);
// Whether the folder holds log files or indexes.
bool holds_log_files(const std::string& folder);

// Messages name the file at their start; whoever says the place of a damage has done so already.
std::string without_path(const std::string& message, const std::string& path);

std::string to_hex(std::span<const uint8_t> bytes);

}  // namespace ringmain::tools
