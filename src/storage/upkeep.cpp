#include "storage/upkeep.hpp"

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"

namespace ringmain::storage {
namespace {

constexpr std::int64_t kNever = INT64_MAX;

std::int64_t now_ms() noexcept { return now_steady_ns() / 1'000'000; }

}  // namespace

Upkeep::Upkeep(UpkeepOptions options) : options_(std::move(options)) {
  thread_ = std::thread([this] { run(); });
}

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  orders_.notify_one();
  thread_.join();
}

void Upkeep::add(std::shared_ptr<LogUpkeep> log) {
  const std::lock_guard lock(mutex_);
  auto entry = std::make_unique<Entry>();
  if (!log->compacts()) entry->compaction_due_ms = kNever;
  entry->log = std::move(log);
  entries_.push_back(std::move(entry));
  orders_.notify_one();
}

void Upkeep::remove(const std::shared_ptr<LogUpkeep>& log) {
  Lock lock(mutex_);
  const auto is_it = [&](const std::unique_ptr<Entry>& entry) { return entry->log == log; };
  const auto found = std::find_if(entries_.begin(), entries_.end(), is_it);
  if (found == entries_.end()) return;
  Entry* const entry = found->get();
  entry->leaving = true;
  released_.wait(lock, [&] { return entry->in_use == 0; });
  std::erase_if(entries_, is_it);
}

void Upkeep::look_at(const std::shared_ptr<LogUpkeep>& log) {
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_)
    if (entry->log == log) entry->retention_due_ms = 0;
  orders_.notify_one();
}

void Upkeep::configure(const std::shared_ptr<LogUpkeep>& log, const UpkeepConfig& config) {
  const std::lock_guard lock(mutex_);
  log->configure(config);
  for (const auto& entry : entries_) {
    if (entry->log != log) continue;
    entry->retention_due_ms = 0;
    entry->compaction_due_ms = config.compacts ? 0 : kNever;
    entry->reconfigured = true;
  }
  orders_.notify_one();
}

void Upkeep::run() {
  Lock lock(mutex_);
  while (!stopping_) {
    retain_due(lock, nullptr);
    if (stopping_ || compact_one(lock)) continue;
    const std::int64_t due_ms = next_due_ms();
    if (due_ms == kNever)
      orders_.wait(lock);
    else if (const std::int64_t left_ms = due_ms - now_ms(); left_ms > 0)
      orders_.wait_for(lock, std::chrono::milliseconds(left_ms));
  }
}

// Entries come and go while the lock is let go for one: so each turn looks for the next that is due.
void Upkeep::retain_due(Lock& lock, const Entry* except) {
  for (;;) {  // each turn serves one that was due, and is not any more
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
      return entry.get() != except && !entry->leaving && entry->retention_due_ms <= now_ms();
    });
    if (found == entries_.end() || stopping_) return;
    Entry& entry = **found;
    entry.retention_due_ms = now_ms() + options_.retention_check_ms;
    ++entry.in_use;
    lock.unlock();
    entry.log->retain(retention_now_ms(), options_.log);
    lock.lock();
    --entry.in_use;
    released_.notify_all();
  }
}

// False: none was due.
bool Upkeep::compact_one(Lock& lock) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return !entry->leaving && entry->compaction_due_ms <= now_ms();
  });
  if (found == entries_.end()) return false;
  Entry& entry = **found;
  ++entry.in_use;
  entry.reconfigured = false;
  lock.unlock();
  const KeepGoing keep_going = [&](const CompactionProgress&) {
    Lock inner(mutex_);
    retain_due(inner, &entry);
    return !stopping_ && !entry.leaving;
  };
  entry.log->compact(retention_now_ms(), keep_going, options_.log);
  lock.lock();
  if (!entry.reconfigured) entry.compaction_due_ms = now_ms() + options_.cleaner_backoff_ms;
  --entry.in_use;
  released_.notify_all();
  return true;
}

std::int64_t Upkeep::next_due_ms() const noexcept {
  std::int64_t due_ms = kNever;
  for (const auto& entry : entries_)
    if (!entry->leaving) due_ms = std::min({due_ms, entry->retention_due_ms, entry->compaction_due_ms});
  return due_ms;
}

std::int64_t Upkeep::retention_now_ms() { return clock_.now_ms(now_real_ms(), now_ms()); }

}  // namespace ringmain::storage
