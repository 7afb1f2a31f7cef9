// Which of a partition's oldest log files go, and taking them away. The decision is pure; removing
// blocks, on the thread that also runs the Compactor of this partition: never both at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "os/disk.hpp"
#include "storage/log_files.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

inline constexpr std::int64_t kNoRetentionLimit = -1;

struct RetentionConfig {
  std::int64_t retention_ms = 7ll * 24 * 3600 * 1000;  // retention.ms
  std::int64_t retention_bytes = kNoRetentionLimit;    // retention.bytes
};

// How far ahead of our clock a record's timestamp may be and still be believed: Kafka's default of
// message.timestamp.after.max.ms.
inline constexpr std::int64_t kBelievableAheadMs = 3'600'000;

struct RetentionInput {
  std::span<const LogFileEntry> files;  // oldest first; the last one is being written
  std::uint64_t log_start_offset = 0;
  std::int64_t now_ms = 0;  // of a RetentionClock
  // Of files that end above it the persister may still write a head: they stay.
  std::uint64_t settled_offset = UINT64_MAX;
};

struct RetentionDecision {
  std::size_t file_count = 0;  // so many of the oldest go
  std::uint64_t log_start_offset = 0;
  friend bool operator==(const RetentionDecision&, const RetentionDecision&) = default;
};

// A file goes if all before it go, it is not the last one, and
//   - it lies wholly below the log's start; or
//   - it is older than retention.ms; or
//   - those behind it have retention.bytes or more without it.
// The new start is where the first file that stays begins, or what it was, if that is further.
//
// How old a file is: by its largest timestamp; if it has no timestamps, by when it was made.
// Clocks are wrong at times, so:
//   - A timestamp up to an hour ahead is believed: clocks differ a little.
//   - One further ahead says nothing. Such a file, and one without timestamps that says it was made
//     later than now, counts from when the next file with a believable time was made: it was
//     written before that. So a single record dated 2262, or files made while the clock ran ahead,
//     go retention.ms after they were followed by others, neither at once nor never.
//   - If no later file has such a time, the file stays: nothing is deleted on no ground.
//   - A clock that runs ahead now is the RetentionClock's business.
RetentionDecision decide_retention(const RetentionInput& input,
                                   const RetentionConfig& config) noexcept;

struct RetentionReport {
  std::size_t removed_files = 0;
  std::uint64_t removed_bytes = 0;
};

// Removes the `file_count` oldest files, and takes them out of `files`. The new log start must have
// been announced before. A reader that looked a file up just now may find it gone (not_found): it
// looks again. Who has it open keeps it.
//
// One after the other, oldest first, and durable before the next: a crash leaves no gap between
// files. Of a file its indexes go before the log, so a crash between leaves, as a rule, a log file
// that is whole and slower to search; it goes the next time. A power cut may also keep the name of
// an index and not that of its log: survey_folder() calls it an orphan, and it may be removed.
// After an error what is left is still in `files`; call again.
//
// A file that the writer may want again becomes a spare: spare_files.hpp.
Result<RetentionReport> remove_oldest(os::Disk& disk, const StoreOwner& owner, const StoreConfig& config,
                                      LogFiles& files, std::size_t file_count);

}  // namespace ringmain::storage
