#include "storage/log_upkeep.hpp"

#include <fmt/format.h>

#include "os/fault.hpp"

namespace ringmain::storage {

LogUpkeep::LogUpkeep(os::Disk& disk, StoreOwner owner, const UpkeepConfig& config, LogFiles& files, LogStart& start,
                     std::shared_ptr<const LogWriter> writer)
    : disk_(disk), owner_(std::move(owner)), config_(config), wished_(config), files_(files), start_(start), writer_(std::move(writer)),
      compactor_(disk_, owner_, config_.compaction, files_) {}

//   Order: the wish, then the flag; partners: the exchange in take_settings(), and the load in compact().
void LogUpkeep::configure(const UpkeepConfig& config) {
  const std::lock_guard lock(wish_mutex_);
  wished_ = config;
  reconfigured_.store(true, std::memory_order_release);
}

bool LogUpkeep::compacts() const {
  const std::lock_guard lock(wish_mutex_);
  return wished_.compacts;
}

void LogUpkeep::take_settings() {
  if (!reconfigured_.exchange(false, std::memory_order_acquire)) return;
  const std::lock_guard lock(wish_mutex_);
  config_ = wished_;
  compactor_.configure(config_.compaction);
}

void LogUpkeep::retain(std::int64_t now_ms, const TellLine& tell) {
  take_settings();
  RetentionConfig config = config_.retention;
  if (!config_.deletes) config = {kNoRetentionLimit, kNoRetentionLimit};
  const auto all = files_.all();
  const auto decision = decide_retention({all, start_.offset(), now_ms, writer_->settled_offset()}, config);
  start_.raise(decision.log_start_offset);  // first of all, so that nobody is sent to a file that is gone
  if (decision.file_count != 0) os::fault_point("retention.announced");
  if (const auto begun = files_.spares().begin_round(disk_); !begun)
    return tell_once(begun.error(), "remove old log files", told_of_retention_, tell);
  const auto removed = remove_oldest(disk_, owner_, writer_->config(), files_, decision.file_count);
  if (!removed) return tell_once(removed.error(), "remove old log files", told_of_retention_, tell);
  told_of_retention_.clear();
  if (removed->removed_files != 0)
    tell(fmt::format("{}: removed {} old log file(s) of {} bytes; the log starts at offset {}", owner_.name,
                     removed->removed_files, removed->removed_bytes, start_.offset()));
}

void LogUpkeep::compact(std::int64_t now_ms, const KeepGoing& keep_going, const TellLine& tell) {
  take_settings();
  if (!config_.compacts) return;
  const KeepGoing unless_reconfigured = [&](const CompactionProgress& progress) {
    return keep_going(progress) && !reconfigured_.load(std::memory_order_acquire);
  };
  const Status done = compact_all(now_ms, unless_reconfigured, tell);
  if (!done) return tell_once(done.error(), "compact the log", told_of_compaction_, tell);
  told_of_compaction_.clear();
}

Status LogUpkeep::compact_all(std::int64_t now_ms, const KeepGoing& keep_going, const TellLine& tell) {
  for (;;) {  // each round cleans something dirty, or is stopped
    RINGMAIN_TRY_ASSIGN(plan, compactor_.plan(now_ms, writer_->settled_offset()));
    if (plan.empty()) return {};
    RINGMAIN_TRY_ASSIGN(round, compactor_.begin(plan, now_ms, keep_going));
    if (!round) return {};
    std::uint64_t before = 0, after = 0;
    while (!round->done()) {
      RINGMAIN_TRY_ASSIGN(report, compactor_.run_one(*round, keep_going));
      if (report.outcome == CleaningOutcome::stopped) return {};
      if (report.outcome != CleaningOutcome::cleaned) continue;
      before += report.bytes_before;
      after += report.bytes_after;
    }
    if (before != 0)
      tell(fmt::format("{}: compacted the log up to offset {}: {} bytes became {}", owner_.name, round->covered_to(), before,
                       after));
    if (round->covered_to() >= plan.dirty_to) return {};
  }
}

void LogUpkeep::tell_once(const Error& error, const std::string& doing, std::string& told, const TellLine& tell) const {
  if (std::exchange(told, error.message) == error.message) return;
  tell(fmt::format("{}: cannot {}, will try again: {}", owner_.name, doing, error.message));
}

}  // namespace ringmain::storage
