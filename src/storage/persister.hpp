// The thread that brings all partitions of a bus to disk, through one queue. It sleeps on a doorbell like any
// consumer: producers ring it when they publish into a partition that it has marked as idle, and who waits for
// durability rings it outright.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "storage/log_writer.hpp"

namespace ringmain::storage {

struct PersisterOptions {
  os::DiskQueueOptions queue{.depth = 64, .buffer_count = 12, .buffer_bytes = 1280 * 1024};
  format::Doorbell* doorbell = nullptr;  // the persister's own
  bool fences = false;
  std::function<void(const std::string&)> log;  // called from the thread
  std::function<void()> on_segment_durable;     // a slot may be free now; called from the thread
  std::function<void()> on_durable;             // some partition's durable offset has moved; called from the thread
};

// add(), remove() and stop() may be called from any one thread at a time.
class Persister {
 public:
  // The disk must outlive it.
  static Result<std::unique_ptr<Persister>> start(os::Disk& disk, PersisterOptions options);
  ~Persister();

  // `reader_line` is the persister's line in the partition's readers file: where it marks that it sleeps.
  void add(std::shared_ptr<LogWriter> writer, std::uint32_t reader_line);
  // Returns when nothing of it is in flight; with `flush`, when all is durable and the last proof is written,
  // or the disk refuses. The writer's owner may then unmap the partition.
  void remove(const std::shared_ptr<LogWriter>& writer, bool flush);

  // What the queue uses: "io_uring, ...", for the broker's log.
  const std::string& description() const noexcept { return description_; }

 private:
  struct Entry {
    std::shared_ptr<LogWriter> writer;
    std::uint32_t line = 0;
    bool marked = false;   // sleeps until a producer takes the mark
    bool had_nothing = false;  // when it was stepped last
    bool leaving = false, flush = false;
    std::int64_t leave_by_ns = 0;  // what is published later than this stays for the next broker
    std::string told;      // the fault that the log has been told of
  };

  explicit Persister(PersisterOptions options) : options_(std::move(options)) {}
  void run(os::Disk& disk);
  void serve(os::DiskQueue& queue);
  bool step_all(os::DiskQueue& queue, std::int64_t now_ns, std::int64_t& due_ns, bool awake_anew);
  bool reap(os::DiskQueue& queue, os::ReapWait wait);
  void let_go(os::DiskQueue& queue);
  void sleep(std::uint32_t rings, std::int64_t due_ns);
  void ring() noexcept;
  void tell_faults(Entry& entry);
  bool is_marked(const Entry& entry) const noexcept;

  PersisterOptions options_;
  std::string description_;
  std::vector<Entry> entries_;      // the thread's own
  std::size_t turn_ = 0;            // who is served first: buffers may be scarce
  std::uint32_t next_number_ = 1;
  std::int64_t last_completion_ns_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> arriving_;
  std::vector<std::pair<std::shared_ptr<LogWriter>, bool>> leaving_;
  std::vector<std::shared_ptr<LogWriter>> present_;  // arrived and not gone
  std::optional<Status> started_;
  std::atomic<bool> orders_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ringmain::storage
