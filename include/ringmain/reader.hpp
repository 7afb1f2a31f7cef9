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

// One thread uses a Reader at a time.
class Reader {
 public:
  // Throws Exception: unknown_topic_or_partition, permission_denied.
  Reader(Bus& bus, const TopicPartition& partition, ReaderOptions options = {});
  Reader(Reader&&) noexcept;
  ~Reader();

  // The next record's value in place, if there is one now: data() is null if not. Valid until the
  // next call. A record whose value is null counts as empty bytes; use record() to tell.
  Bytes try_next();
  // Waits for it, as the strategy says, at most `timeout`; data() is null when time is up.
  Bytes next(std::chrono::nanoseconds timeout);

  // The record that the last call returned, with key, headers and timestamp.
  const ConsumerRecord& record();
  // Records that a bounded topic dropped unread, since the Reader was made.
  std::uint64_t lost() const noexcept;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringmain
