// Who holds what in a bus's shared memory: the broker's answer, read and put into words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringmain::tools {

// The values of the broker's JSON (Admin::describe_locks), by its names.
struct ProducerLock {
  int64_t index = -1;
  int64_t pid = -1;           // -1: nobody knows it any more
  std::string process_state;  // running, sleeping, stopped, dead, gone
  std::string intent;         // idle, about, claimed, abandoned
  int64_t segment = -1;
  int64_t position = -1;
  int64_t bytes = 0;
  int64_t records = 0;
  int64_t offset = -1;
};

struct ReaderLock {
  int64_t index = -1;
  int64_t pid = -1;
  std::string process_state;
  std::optional<int64_t> pinned_segment;
  bool holds_all = false;  // it seeks, or has not begun to read: full.policy=block lets nothing go
  int64_t next_offset = -1;
  bool sleeping = false;
};

struct RetiredSegment {
  int64_t segment = -1;
  std::string held_by;  // reader, producer
  int64_t index = -1;   // of the reader or producer
};

struct PartitionLocks {
  std::string topic;
  int64_t partition = -1;
  std::string path;  // of the partition's shared-memory file
  int64_t active_segment = 0;
  int64_t log_start_segment = 0;
  int64_t prepared_segments = 0;
  int64_t slots_in_use = 0;
  int64_t slot_limit = 0;
  int64_t slot_bytes = 0;
  int64_t waiting_producers = 0;  // for memory
  std::vector<ProducerLock> producers;
  std::vector<ReaderLock> readers;
  std::vector<RetiredSegment> retired;
};

// Throws Failure if the text is not what a broker of this version says.
std::vector<PartitionLocks> parse_locks(std::string_view json_text);

// One sentence for each process that keeps others from going on: who, what it holds up, and what
// to do. Empty if nobody is in the way.
std::vector<std::string> who_is_in_the_way(const PartitionLocks& locks);

}  // namespace ringmain::tools
