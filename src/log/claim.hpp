// A claim: bytes and offsets of the log that one producer owns until it publishes them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringmain::log {

enum class ClaimOutcome {
  ok,
  no_memory,  // no prepared memory: wait on the partition's memory bell and try again
  stalled,    // another producer holds up the roll to the next segment: try again soon
  deleted,    // the partition is gone
};

struct Claim {
  std::byte* at = nullptr;   // first frame's header
  std::uint64_t offset = 0;  // first record's offset
  std::uint64_t segment = 0;
  std::uint32_t bytes = 0;   // aligned, headers included
  std::uint32_t records = 0;
  std::uint32_t tag = 0;
};

}  // namespace ringmain::log
