// The timestamp of a record, cheap enough for every record.
//
// Reading the time stamp counter costs more than appending a small record, so a stream of
// records does not do it for each. The kernel's coarse clock (some nanoseconds to read, moves once a
// tick, 1 to 10 ms) tells when a new tick has begun. The first kExact records of a tick are stamped
// exactly; later ones share a reading among kShared. A stamp is therefore never in the future, and
// lags by more than a few records' time only if a burst pauses within a tick: then by at most that
// tick. Figures: docs/adr/0002-timestamps.md. One thread.
#pragma once

#include <time.h>

#include <cstdint>

#include "base/clock.hpp"

namespace ringmain::client {

class RecordClock {
 public:
  std::int64_t now_ns() noexcept {
    timespec tick;
    ::clock_gettime(CLOCK_REALTIME_COARSE, &tick);
    if (tick.tv_nsec != tick_ns_) {
      tick_ns_ = tick.tv_nsec;
      records_ = 0;
    }
    ++since_reading_;
    if (records_ < kExact || records_ % kShared == 0) {
      const std::int64_t now_ns = precise_.now_real_ns();
      gap_ns_ = (now_ns - last_ns_) / since_reading_;
      since_reading_ = 0;
      last_ns_ = now_ns;
    }
    ++records_;
    return last_ns_;
  }

  // The time from record to record, as of the last reading.
  std::int64_t gap_ns() const noexcept { return gap_ns_; }

 private:
  static constexpr std::uint32_t kExact = 64;
  static constexpr std::uint32_t kShared = 16;

  TscClock precise_;
  std::int64_t last_ns_ = 0;
  std::int64_t gap_ns_ = 0;
  std::int64_t since_reading_ = 0;
  long tick_ns_ = -1;
  std::uint32_t records_ = 0;
};

}  // namespace ringmain::client
