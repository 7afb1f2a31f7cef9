// What the campaign and its child processes share: a mapping that no file system carries, so that
// what a producer was told is known whatever becomes of disk, bus and producer.
//
// What a producer was told of a record goes to `offsets[n]`, in any order; what it was told to be on
// disk goes to `durable_end` as soon as it is told. The campaign reads them once the producer is dead.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace ringmain::crash {

inline constexpr std::uint32_t kMaxLoads = 8;
inline constexpr std::uint64_t kMaxRecords = 1 << 20;  // of one producer's life
inline constexpr std::int64_t kRefused = -1;  // it was told that this record is not in the log
inline constexpr std::int64_t kKnown = 2;     // added to what stands in `offsets`, so that 0 means: not told yet

enum class How : std::uint32_t {
  appender,       // an Appender with wait_durable() and durable_offset()
  producer,       // a Producer with acks=all and callbacks
  flooder,        // an Appender that waits for nothing, and believes durable_offset()
  as_if_durable,  // canary: takes "published" for "durable"
};

struct LoadOrders {  // set by the campaign before the producer starts
  char topic[32];
  std::int32_t partition;
  std::uint32_t log;       // the oracle's number of that partition
  std::uint32_t producer;  // one life
  std::uint64_t seed;
  std::uint32_t largest_bytes;
  std::uint64_t budget_bytes;  // it pauses when it has sent so much
  How how;
};

struct Load {
  LoadOrders orders;
  std::atomic<std::uint64_t> sent;         // records that may be in the log
  std::atomic<std::uint64_t> published;    // all below were told of
  std::atomic<std::uint64_t> durable_end;  // offsets below it were called durable
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> waits;          // for durability, that ended well
  std::atomic<std::uint64_t> out_of_memory;  // times that there was no room for a record
  std::atomic<std::uint64_t>
      refusals;  // times that it was told that a record is published, and not on disk
  std::atomic<std::int32_t> refused_as;  // the last one's code
  char refused[400];                     // and its words
  std::atomic<std::uint32_t> failed;     // it met what it must not
  char failure[400];
  std::atomic<std::int64_t> offsets[kMaxRecords];
};

struct PowerStage {
  char bus[160];
  char shm[160];
  char broker_log[160];
  std::atomic<std::uint32_t> is_cut;     // from now on errors are expected
  std::atomic<std::uint32_t> stop;       // producers end in good order
  std::atomic<std::int32_t> broker_pid;  // serves
  std::atomic<std::uint32_t> broker_failed;
  char broker_failure[600];
  Load loads[kMaxLoads];
};

// Shared with every child forked from here on; untouched pages cost nothing.
PowerStage& make_power_stage();

}  // namespace ringmain::crash
