// The thread that looks after all logs of a bus on disk: retention of each every `retention_check_ms`, compaction
// every `cleaner_backoff_ms`, one log after the other. While a log is being compacted the others' retention goes on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/log_upkeep.hpp"
#include "storage/retention_clock.hpp"

namespace ringmain::storage {

struct UpkeepOptions {
  std::int64_t retention_check_ms = 300'000;  // log.retention.check.interval.ms
  std::int64_t cleaner_backoff_ms = 15'000;   // log.cleaner.backoff.ms
  TellLine log;                               // called from the thread
};

// Thread safe.
class Upkeep {
 public:
  explicit Upkeep(UpkeepOptions options);
  ~Upkeep();

  // It is looked after at once, and then with the others.
  void add(std::shared_ptr<LogUpkeep> log);
  // When it returns the thread does not touch it, and will not. What was being rewritten of it is given up.
  void remove(const std::shared_ptr<LogUpkeep>& log);
  // Somebody moved this log's start: its files are looked at soon.
  void look_at(const std::shared_ptr<LogUpkeep>& log);
  // Its settings are others from now on, and it is looked at by them soon.
  void configure(const std::shared_ptr<LogUpkeep>& log, const UpkeepConfig& config);

 private:
  struct Entry {
    std::shared_ptr<LogUpkeep> log;
    std::int64_t retention_due_ms = 0;  // of the steady clock
    std::int64_t compaction_due_ms = 0;
    int in_use = 0;  // by the thread, which holds no lock then
    bool reconfigured = false;  // while it was being compacted
    bool leaving = false;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void retain_due(Lock& lock, const Entry* except);
  bool compact_one(Lock& lock);
  std::int64_t next_due_ms() const noexcept;
  std::int64_t retention_now_ms();

  const UpkeepOptions options_;
  RetentionClock clock_;  // the thread's own
  std::mutex mutex_;
  std::condition_variable orders_, released_;
  std::vector<std::unique_ptr<Entry>> entries_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ringmain::storage
