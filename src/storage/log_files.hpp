// The log files of one partition, oldest first: which offsets each holds. The persister appends, the
// broker's thread looks files up for readers and drops old ones; every call locks for a moment.
//
// Invariant: base offsets ascend, and no file begins before the one before it ends.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "segment/file_identity.hpp"
#include "storage/spare_files.hpp"

namespace ringmain::storage {

struct LogFileEntry {
  std::string path;
  std::uint64_t base_offset = 0;
  std::uint64_t end_offset = 0;   // records below it are durable
  std::uint64_t size_bytes = 0;   // as far as it was written
  std::int64_t created_ms = 0;    // of its first segment, ms since 1970
  std::int64_t largest_ns = 0;    // of its records; kNoLargestNs: none
};

class LogFiles {
 public:
  // The newest. After an error, writing may begin anew some files further back: those from there on, of which nothing
  // is durable, are begun anew as well, and their entries go.
  void append(LogFileEntry entry);
  // Those that begin behind an offset.
  std::vector<LogFileEntry> behind(std::uint64_t base_offset) const;
  // What became of a file.
  void update(std::uint64_t base_offset, std::uint64_t end_offset, std::uint64_t size_bytes, std::int64_t largest_ns);
  // Another file has taken this one's name, with the same offsets. False: retention was faster.
  bool replace(std::uint64_t base_offset, std::uint64_t size_bytes, std::int64_t largest_ns);
  // The one that holds an offset, or the first one above it. nullopt: it is at or above end_offset().
  std::optional<LogFileEntry> find(std::uint64_t offset) const;
  // The one that take_oldest() would give. Both are for one thread.
  std::optional<LogFileEntry> oldest_to_take() const;
  // Takes the oldest file out, if it is not the last one, and all of it is durable: else it may have to be written
  // anew.
  std::optional<LogFileEntry> take_oldest();

  std::vector<LogFileEntry> all() const;
  std::uint64_t total_bytes() const;

  // Files that are in the log no more.
  SpareFiles& spares() noexcept { return spares_; }

 private:
  mutable std::mutex mutex_;
  std::vector<LogFileEntry> entries_;
  SpareFiles spares_;
};

}  // namespace ringmain::storage
