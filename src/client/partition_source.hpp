// One partition as a consumer reads it, from shared memory and disk (PartitionReader) or over TCP
// (RemotePartition): where it stands, and how to move it. How records come out of it is between it
// and the AssignedPartitions that it belongs to. The consumer's polling thread.
#pragma once

#include <cstdint>

#include "ringmain/record.hpp"

namespace ringmain::client {

class PartitionSource {
 public:
  virtual ~PartitionSource() = default;

  virtual const TopicPartition& partition() const noexcept = 0;
  // Of the record that comes next; -1: over TCP, while the broker was not heard of it.
  virtual std::int64_t position() const noexcept = 0;
  // Goes to an offset. False if the log is known not to hold it (any more, or yet).
  virtual bool seek(std::int64_t offset) = 0;
  virtual void seek_start() = 0;
  virtual void seek_end() = 0;
  // Between the two it may still be told to begin elsewhere: nothing counts as passed, wherever it stands
  // (full.policy=block).
  virtual void hold() {}
  virtual void begin() {}
  // Records that are gone, and were not read.
  virtual std::uint64_t lost() const noexcept = 0;
  // It brings nothing any more, and has to be opened anew.
  virtual bool is_void() const noexcept = 0;
};

}  // namespace ringmain::client
