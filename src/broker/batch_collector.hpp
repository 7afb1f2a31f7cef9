// Makes frames of the log into what a Kafka client reads: batches as they lie, native records
// gathered into batches of our own. Broker's thread.
//
// The frames may hold anybody's bytes: producers of this host write them. What is passed on is
// no more than what a frame's size says.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "format/frame.hpp"
#include "kafka/batch_builder.hpp"
#include "kafka/records.hpp"

namespace ringmain::broker {

// What was read, and what keeps its bytes where they are.
struct Reading {
  kafka::Records records;
  std::deque<kafka::Bytes> made;                   // of native records
  std::vector<std::shared_ptr<const void>> files;  // mappings that records point into
};

class BatchCollector {
 public:
  enum class First {
    whole,    // the first batch is taken however large it is
    bounded,  // not if it is larger than max_bytes
  };
  BatchCollector(Reading& into, std::size_t max_bytes, First first) noexcept
      : into_(into), max_bytes_(max_bytes), must_take_(first == First::whole) {}

  enum class Outcome {
    taken,
    full,     // it is not taken, and none after it: the limit is reached
    damaged,  // it is no frame that a Kafka client could read
  };
  // A record or batch frame with this offset. Its bytes stay until the reading has been sent.
  Outcome add(const format::FrameHeader& frame, std::uint32_t frame_size, std::uint64_t offset);
  // All that was taken is in the reading from here on.
  void finish();
  // As finish(), where the log ends: offsets from there on that no record has, up to the end, are told as well. Else
  // a client would wait before them for ever.
  void finish_at_end(std::uint64_t from_offset, std::uint64_t end_offset);

 private:
  Outcome add_batch(std::span<const std::byte> body, const format::FrameHeader& frame,
                    std::uint64_t offset);
  Outcome add_record(std::span<const std::byte> body, const format::FrameHeader& frame,
                     std::uint64_t offset);
  bool has_room(std::size_t more_bytes) const noexcept {
    return must_take_ || into_taken_ + more_bytes <= max_bytes_;
  }

  Reading& into_;
  const std::size_t max_bytes_;
  bool must_take_;
  std::size_t into_taken_ = 0;  // of this collector, with the batch being built
  kafka::BatchBuilder builder_;
  std::uint64_t taken_to_ = 0;    // behind the last record that was taken
  std::uint64_t built_from_ = 0;  // its first offset
};

}  // namespace ringmain::broker
