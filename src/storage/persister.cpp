#include "storage/persister.hpp"

#include <algorithm>
#include <utility>

#include "base/clock.hpp"
#include "log/waker.hpp"
#include "os/cpu.hpp"
#include "os/fault.hpp"
#include "os/futex.hpp"

namespace ringmain::storage {
namespace {

// A wake-up costs as much as a third of a synced write: after one it stays awake for a while.
constexpr std::int64_t kStayAwakeNs = 200'000;
constexpr std::int64_t kLookAgainNs = 500'000'000;  // in case a ring is lost
constexpr std::int64_t kLongestFlushNs = 2'000'000'000;  // producers may go on while a broker stops
constexpr std::int64_t kNever = INT64_MAX;

}  // namespace

Result<std::unique_ptr<Persister>> Persister::start(os::Disk& disk, PersisterOptions options) {
  std::unique_ptr<Persister> persister(new Persister(std::move(options)));
  Persister& self = *persister;
  self.thread_ = std::thread([&self, &disk] { self.run(disk); });
  std::unique_lock lock(self.mutex_);
  self.changed_.wait(lock, [&] { return self.started_.has_value(); });
  if (!*self.started_) return tl::make_unexpected(self.started_->error());
  return persister;
}

Persister::~Persister() {
  stopping_.store(true, std::memory_order_release);
  ring();
  if (thread_.joinable()) thread_.join();
}

void Persister::add(std::shared_ptr<LogWriter> writer, std::uint32_t reader_line) {
  {
    const std::lock_guard lock(mutex_);
    present_.push_back(writer);
    Entry entry;
    entry.writer = std::move(writer);
    entry.line = reader_line;
    arriving_.push_back(std::move(entry));
  }
  orders_.store(true, std::memory_order_release);
  ring();
}

void Persister::remove(const std::shared_ptr<LogWriter>& writer, bool flush) {
  std::unique_lock lock(mutex_);
  leaving_.emplace_back(writer, flush);
  orders_.store(true, std::memory_order_release);
  ring();
  changed_.wait(lock, [&] { return std::find(present_.begin(), present_.end(), writer) == present_.end(); });
}

void Persister::ring() noexcept {
  options_.doorbell->rings.fetch_add(1, std::memory_order_release);
  log::SharedMemory::wake_all(options_.doorbell->rings);
}

void Persister::run(os::Disk& disk) {
  auto queue = disk.make_queue(options_.queue);
  {
    const std::lock_guard lock(mutex_);
    started_ = queue ? Status{} : Status{tl::make_unexpected(queue.error())};
    if (queue) description_ = (*queue)->capabilities().description;
  }
  changed_.notify_all();
  if (queue) serve(**queue);
}

void Persister::serve(os::DiskQueue& queue) {
  bool awake_anew = true;
  for (;;) {  // until told to stop
    if (orders_.exchange(false, std::memory_order_acq_rel)) {
      const std::lock_guard lock(mutex_);
      for (Entry& entry : arriving_) {
        entry.writer->set_number(next_number_++);
        entries_.push_back(std::move(entry));
      }
      arriving_.clear();
      for (const auto& [writer, flush] : leaving_)
        for (Entry& entry : entries_)
          if (entry.writer == writer) {
            entry.leaving = true;
            entry.flush = flush;
            entry.leave_by_ns = now_steady_ns() + kLongestFlushNs;
          }
      leaving_.clear();
    }
    // Before the look: whoever rings behind it must not be missed.
    const std::uint32_t rings = options_.doorbell->rings.load(std::memory_order_acquire);
    std::int64_t due_ns = kNever;
    const bool moved = step_all(queue, now_steady_ns(), due_ns, std::exchange(awake_anew, false));
    let_go(queue);  // also while others have writes in flight: these may never rest
    if (queue.in_flight() != 0) {
      reap(queue, moved ? os::ReapWait::no : os::ReapWait::for_one);
      continue;
    }
    if (moved || orders_.load(std::memory_order_acquire)) continue;
    if (stopping_.load(std::memory_order_acquire)) return;
    if (now_steady_ns() - last_completion_ns_ < kStayAwakeNs) {
      os::pause();
      continue;
    }
    sleep(rings, due_ns);
    awake_anew = true;
  }
}

// True if anything was taken on. `due_ns`: when the first one that waits is due.
// After a sleep it looks into every partition, marked or not: a producer may have died between a publish and the
// wake-up.
bool Persister::step_all(os::DiskQueue& queue, std::int64_t now_ns, std::int64_t& due_ns, bool awake_anew) {
  bool moved = false;
  ++turn_;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[(turn_ + i) % entries_.size()];
    if (entry.marked && !entry.leaving && is_marked(entry)) {
      if (!awake_anew || entry.writer->is_idle()) continue;
      log::Waker::unmark(entry.writer->view(), entry.line);
    }
    entry.marked = false;
    if (entry.leaving && (!entry.flush || now_ns > entry.leave_by_ns)) continue;
    const std::uint64_t durable_segments = entry.writer->durable_segments();
    const StepResult result = entry.writer->step(queue, now_ns, entry.flush);
    moved |= result.state == StepResult::State::moved;
    entry.had_nothing = result.state == StepResult::State::idle;
    if (result.due_ns != 0) due_ns = std::min(due_ns, result.due_ns);
    if (entry.writer->durable_segments() != durable_segments && options_.on_segment_durable) options_.on_segment_durable();
    tell_faults(entry);
  }
  return moved;
}

bool Persister::reap(os::DiskQueue& queue, os::ReapWait wait) {
  const auto reaped = queue.reap(wait, [&](os::DiskToken token, Result<std::uint64_t> result) {
    const std::int64_t now_ns = now_steady_ns();
    last_completion_ns_ = now_ns;
    for (Entry& entry : entries_) {
      if (entry.writer->number() != LogWriter::number_of(token)) continue;
      const std::uint64_t durable_segments = entry.writer->durable_segments();
      const std::uint64_t durable_offset = entry.writer->durable_offset();
      entry.writer->completed(token, result, now_ns);
      if (entry.writer->durable_offset() != durable_offset && options_.on_durable) options_.on_durable();
      if (entry.writer->durable_segments() != durable_segments && options_.on_segment_durable) options_.on_segment_durable();
      return;
    }
  });
  if (!reaped && options_.log) options_.log("writing to disk: " + reaped.error().message);
  return reaped && *reaped > 0;
}

// Writers that were told to leave go once nothing of them is in flight.
void Persister::let_go(os::DiskQueue& queue) {
  bool gone = false;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool finished = entry->leaving && !entry->writer->has_in_flight() &&
                          (!entry->flush || entry->writer->is_settled() || entry->writer->fault() ||
                           now_steady_ns() > entry->leave_by_ns);
    if (!finished) {
      ++entry;
      continue;
    }
    if (entry->flush && !entry->writer->fault())
      if (auto closed = entry->writer->close_cleanly(); !closed && options_.log)
        options_.log(entry->writer->owner().name + ": " + closed.error().message);
    entry->writer->drop_gathered(queue);
    log::Waker::unmark(entry->writer->view(), entry->line);
    {
      const std::lock_guard lock(mutex_);
      std::erase(present_, entry->writer);
    }
    entry = entries_.erase(entry);
    gone = true;
  }
  if (gone) changed_.notify_all();
}

// Marks every partition that is idle, looks once more, and sleeps until somebody rings or something is due. `rings`: the
// doorbell as it stood before the last look.
void Persister::sleep(std::uint32_t rings, std::int64_t due_ns) {
  bool any = false;
  for (Entry& entry : entries_) {
    if (entry.marked) continue;
    if (!entry.writer->is_idle()) {
      if (entry.had_nothing) return;  // it has something since the look, and nothing says when that is due
      continue;
    }
    log::Waker::mark(entry.writer->view(), entry.line);
    entry.marked = any = true;
  }
  if (any) {
    os::fault_point("persister.marked");
    log::SharedMemory::heavy_barrier(options_.fences);
    for (Entry& entry : entries_)  // what came before the mark was seen
      if (entry.marked && !entry.writer->is_idle()) {
        log::Waker::unmark(entry.writer->view(), entry.line);
        entry.marked = false;
        due_ns = 0;
      }
  }
  const std::int64_t left_ns = due_ns == kNever ? kLookAgainNs : due_ns - now_steady_ns();
  if (left_ns <= 0) return;
  os::futex_wait(options_.doorbell->rings, rings, std::min(left_ns, kLookAgainNs));
}

bool Persister::is_marked(const Entry& entry) const noexcept {
  const auto& word = entry.writer->view().readers().sleeping[entry.line / 64];
  return (word.load(std::memory_order_acquire) & 1ull << entry.line % 64) != 0;
}

void Persister::tell_faults(Entry& entry) {
  const auto fault = entry.writer->fault();
  const std::string text = fault ? fault->message : "";
  if (text == entry.told) return;
  entry.told = text;
  if (!options_.log) return;
  if (fault)
    options_.log(entry.writer->owner().name + " is not written to disk: " + text + "; it goes on by itself once the cause is gone");
  else
    options_.log(entry.writer->owner().name + " is written to disk again");
}

}  // namespace ringmain::storage
