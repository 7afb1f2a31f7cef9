// The records of a batch (a frame that a Kafka client's RecordBatch is the body of), one by one. Those that were not
// compressed stay in place; others are unpacked into memory that lives as long as this. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "kafka/record_batch.hpp"
#include "ringmain/record.hpp"

namespace ringmain::client {

class OpenBatch {
 public:
  // `body` is the frame's, and outlives this. The frame says which offsets the batch takes. Errors: corrupt_message,
  // message_too_large (unpacked it is larger than anybody would send).
  static Result<std::unique_ptr<OpenBatch>> open(std::span<const std::byte> body, std::uint64_t base_offset,
                                                 std::uint64_t offset_count);

  // Moves to the next record with this offset or a higher one; false: there is none. Errors: corrupt_message.
  Result<bool> next(std::uint64_t from_offset);

  // Of the record at hand.
  Bytes value() const noexcept;  // a null value is empty
  void fill(ConsumerRecord& record);
  // Behind it; behind the whole batch, if it is the last.
  std::uint64_t next_offset() const noexcept { return next_offset_; }

 private:
  OpenBatch(const kafka::RecordBatch& batch, kafka::BatchContent content, std::uint64_t base_offset);

  const kafka::RecordBatch batch_;
  const kafka::BatchContent content_;
  kafka::RecordWalk walk_;
  const std::uint64_t end_offset_;
  std::uint64_t next_offset_;
  std::uint32_t walked_ = 0;
  std::deque<std::string> headers_;  // as native records have them; records that were given out refer to them
};

}  // namespace ringmain::client
