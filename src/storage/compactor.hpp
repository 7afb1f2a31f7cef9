// Compaction of one partition (cleanup.policy=compact): of each key the newest record survives.
// Blocking calls of one thread, which also runs the retention of this partition; how often, and how
// fast, is its business. docs/adr/0008-compaction-in-place-of-segments.md has the reasons.
//
//   Compactor compactor(disk, owner, config, files);
//   auto plan = compactor.plan(now_ms, settled_offset);        // what is due?
//   auto round = compactor.begin(*plan, now_ms, keep_going);   // learns the keys of what is dirty
//   while (!(*round)->done()) compactor.run_one(**round, keep_going);   // rewrites a file, oldest
//   first
//
// Invariants:
//   1. Offsets, segments, sequences and tags never change, and the last file is never touched.
//   2. On disk a file is the old one or the new one, at any moment.
//   3. Files are cleaned oldest first, each durably before the next. So behind a segment that is
//      marked as cleaned no older record of its keys is left, unless in what nobody can look into
//      (batches, segments that are not complete).
//   4. A tombstone goes only delete.retention.ms after 3 held for it, and only if there is nothing
//      older that nobody can look into.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/random.hpp"
#include "os/disk.hpp"
#include "storage/compaction_config.hpp"
#include "storage/compaction_filter.hpp"
#include "storage/compaction_plan.hpp"
#include "storage/key_map.hpp"
#include "storage/log_files.hpp"
#include "storage/store_config.hpp"

namespace ringmain::storage {

// Of the call that is running.
struct CompactionProgress {
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
};
// Asked before each segment; it may sleep, to go slowly. False: stop. Nothing of the file that was
// being rewritten stays.
using KeepGoing = std::function<bool(const CompactionProgress&)>;

// What a plan became: the keys are learned, and these files are to be rewritten. One that was
// stopped or met an error is over; what it has rewritten stays so, and the next plan takes the
// rest.
class CompactionRound {
 public:
  bool done() const noexcept { return next_ == files_.size(); }
  std::size_t files_left() const noexcept { return files_.size() - next_; }
  // Segments that end at or below it are clean after the round: less than the plan said, if the map
  // was full.
  std::uint64_t covered_to() const noexcept { return covered_to_; }
  std::size_t key_count() const noexcept { return map_.size(); }

 private:
  friend class Compactor;
  CompactionRound(const CompactionPlan& plan, KeyMap map, CompactionFilter filter,
                  std::int64_t now_ms)
      : files_(plan.files),
        covered_to_(plan.dirty_to),
        map_(std::move(map)),
        filter_(filter),
        now_ms_(now_ms) {}

  void end() noexcept { next_ = files_.size(); }

  std::vector<std::uint64_t> files_;
  std::size_t next_ = 0;
  std::uint64_t covered_to_;
  KeyMap map_;
  CompactionFilter filter_;
  std::int64_t now_ms_;
};

enum class CleaningOutcome {
  cleaned,    // the file was replaced
  unchanged,  // nothing of it goes, and it was clean before
  gone,       // retention removed it meanwhile
  stopped,    // keep_going said so; the round is over
};

struct CleaningReport {
  CleaningOutcome outcome = CleaningOutcome::unchanged;
  std::uint64_t base_offset = 0;
  std::uint64_t bytes_before = 0;  // on disk, without holes
  std::uint64_t bytes_after = 0;
  FilterCounts counts;
};

class Compactor {
 public:
  // All that is passed must outlive it. `seed`: of file tags and hashes.
  Compactor(os::Disk& disk, StoreOwner owner, CompactionConfig config, LogFiles& files,
            std::uint64_t seed = os_entropy64());

  // Holds for plans and rounds that begin later.
  void configure(const CompactionConfig& config) { config_ = config; }

  // What is due, from the heads of the files, which are read once. `now_ms` is of a RetentionClock,
  // so that no jump of the clock ages tombstones. `settled_offset`: of files that end above it the
  // persister may still write a head or an index, or write them anew after an error; they must not
  // be replaced under it. Errors: a file is damaged or cannot be read.
  Result<CompactionPlan> plan(std::int64_t now_ms, std::uint64_t settled_offset);

  // Learns the keys of what is dirty. nullopt: stopped. Requires a plan that is not empty.
  Result<std::optional<CompactionRound>> begin(const CompactionPlan& plan, std::int64_t now_ms,
                                               const KeepGoing& keep_going);

  // Rewrites the round's next file. Requires !round.done(). After an error the round is over and
  // the file is as it was (see CompactionDraft::commit() for the one exception).
  Result<CleaningReport> run_one(CompactionRound& round, const KeepGoing& keep_going);

 private:
  std::optional<LogFileEntry> entry_of(std::uint64_t base_offset) const;
  Result<const CompactionFile*> summary_of(const LogFileEntry& entry);
  Result<bool> learn(CompactionRound& round, const CompactionPlan& plan, const LogFileEntry& entry,
                     CompactionProgress& progress, const KeepGoing& keep_going);
  Result<CleaningReport> clean(CompactionRound& round, const LogFileEntry& entry,
                               const KeepGoing& keep_going);
  struct Pass;
  Result<bool> look(Pass& pass);
  Result<bool> rewrite(Pass& pass);

  os::Disk& disk_;
  const StoreOwner owner_;
  CompactionConfig config_;
  LogFiles& files_;
  Random random_;
  std::map<std::uint64_t, CompactionFile>
      known_;  // by base offset; files that are as they were read
};

}  // namespace ringmain::storage
