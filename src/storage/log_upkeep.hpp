// What leaves one partition's log on disk over time: by retention, by trimming, by compaction. All calls come from
// the upkeep thread, so retention and compaction of a partition never run at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "storage/compactor.hpp"
#include "storage/log_start.hpp"
#include "storage/log_writer.hpp"
#include "storage/retention.hpp"

namespace ringmain::storage {

struct UpkeepConfig {
  bool deletes = true;    // cleanup.policy has delete
  bool compacts = false;  // cleanup.policy has compact
  RetentionConfig retention;
  CompactionConfig compaction;
};

using TellLine = std::function<void(const std::string&)>;

class LogUpkeep {
 public:
  // `files` and `start` must outlive it.
  LogUpkeep(os::Disk& disk, StoreOwner owner, const UpkeepConfig& config, LogFiles& files, LogStart& start,
            std::shared_ptr<const LogWriter> writer);

  const StoreOwner& owner() const noexcept { return owner_; }

  // For any thread. Other settings hold from the next call on; a compaction that runs gives up what it is rewriting.
  void configure(const UpkeepConfig& config);
  bool compacts() const;

  // Removes the files that retention takes, and those that lie below the log's start. `now_ms` is of a RetentionClock.
  void retain(std::int64_t now_ms, const TellLine& tell);
  // Does what is due, file by file.
  void compact(std::int64_t now_ms, const KeepGoing& keep_going, const TellLine& tell);

 private:
  void take_settings();
  void tell_once(const Error& error, const std::string& doing, std::string& told, const TellLine& tell) const;
  Status compact_all(std::int64_t now_ms, const KeepGoing& keep_going, const TellLine& tell);

  os::Disk& disk_;
  const StoreOwner owner_;
  UpkeepConfig config_;  // the upkeep thread's
  mutable std::mutex wish_mutex_;
  UpkeepConfig wished_;                    // as configure() said last
  std::atomic<bool> reconfigured_{false};  // and config_ does not say so yet
  LogFiles& files_;
  LogStart& start_;
  const std::shared_ptr<const LogWriter> writer_;
  Compactor compactor_;
  std::string told_of_retention_, told_of_compaction_;  // the last fault, told once
};

}  // namespace ringmain::storage
