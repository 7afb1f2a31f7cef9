// Reads one partition: the shortest way from the log into a thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "ringmain/bus.hpp"
#include "ringmain/record.hpp"

namespace ringmain {

enum class WaitStrategy {
  spin,   // lowest latency, a whole core
  yield,  // spins, but lets others run
  sleep,  // spins for a moment, then sleeps until a producer wakes it: no CPU when idle
};

enum class StartAt { earliest, latest };

struct ReaderOptions {
  StartAt start = StartAt::earliest;
  WaitStrategy wait = WaitStrategy::sleep;
};

// One thread uses a Reader at a time. Of a persistent topic it reads from disk what memory no longer
// holds, and goes on in memory where that begins: nothing is left out, and nothing comes twice.
class Reader {
 public:
  // Throws Exception: unknown_topic_or_partition, permission_denied.
  Reader(Bus& bus, const TopicPartition& partition, ReaderOptions options = {});
  Reader(Reader&&) noexcept;
  ~Reader();

  // The next record's value in place, if there is one now: data() is null if not. Valid until the
  // next call. A record whose value is null counts as empty bytes; use record() to tell. What is on
  // disk only is asked of the broker, file by file; while there is no broker, that waits for one.
  // Throws Exception: corrupt_memory, corrupt_message (a log file is damaged; it is named),
  // unknown_topic_or_partition (deleted), broker_unavailable.
  Bytes try_next();
  // Waits for it, as the strategy says, at most `timeout`; data() is null when time is up.
  Bytes next(std::chrono::nanoseconds timeout);

  // The record that the last call returned, with key, headers and timestamp.
  const ConsumerRecord& record();
  // Records that the topic dropped unread, since the Reader was made: of a memory topic when its
  // memory was used up, of a persistent one when retention took them.
  std::uint64_t lost() const noexcept;

  // Records below it are on disk, and survive loss of power; 0 in a memory topic. A load, no call.
  std::int64_t durable_offset() const noexcept;
  // Of the oldest record that can be read. Likewise.
  std::int64_t log_start_offset() const noexcept;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain
