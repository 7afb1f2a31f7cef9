// A batch on its way into a topic that is compacted: as single records, since compaction goes by record. They keep key,
// value, headers and time; what was compressed is not any more. Broker's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "format/record_body.hpp"
#include "kafka/record_batch.hpp"
#include "log/claim.hpp"

namespace ringmain::broker {

class UnpackedBatch {
 public:
  // Errors: invalid_record (no key: nothing would ever replace it; or headers that are too large), message_too_large,
  // corrupt_message. Copies what it needs: the batch may go.
  static Result<UnpackedBatch> open(std::span<const std::byte> batch, std::uint32_t max_frame_bytes);

  // The records that one claim takes next: all or none of them are published.
  struct Run {
    std::size_t count = 0;
    std::uint32_t bytes = 0;  // of their frames
  };
  Run next_run(std::uint32_t max_bytes) const noexcept;
  // Into a claim of that many bytes and records; what publishes the claim is the first frame's size. `append_time_ns`
  // below 0: the records' own times.
  std::uint32_t write(const log::Claim& claim, const Run& run, std::uint16_t owner, std::int64_t append_time_ns);

  bool is_done() const noexcept { return written_ == records_.size(); }

 private:
  struct Record {
    format::RecordParts parts;
    std::int64_t timestamp_ns = 0;
    std::uint32_t frame_bytes() const noexcept {
      return static_cast<std::uint32_t>(format::kFrameHeaderBytes + parts.body_bytes());
    }
  };

  kafka::Bytes batch_;                 // a copy: what the request held is gone by the time there is room
  std::vector<kafka::Bytes> unpacked_;  // of a batch that was compressed
  std::vector<std::string> headers_;
  std::vector<Record> records_;
  std::size_t written_ = 0;
};

}  // namespace ringmain::broker
