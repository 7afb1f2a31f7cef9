// The time that retention goes by: the wall clock, but for a jump ahead, which has to last before
// it is believed. A clock that ran ahead and came back so deletes nothing. Pure; one thread per
// object (the broker's).
//
// What it cannot know: that the clock was wrong already when the broker started. The first time
// that it is told is believed.
#pragma once

#include <cstdint>

namespace ringmain::storage {

class RetentionClock {
 public:
  // Slewing, and the step at the end of a leap second, are no jumps.
  static constexpr std::int64_t kToleratedMs = 60'000;
  // A time server that was wrong, or a person who mistyped, is set right within it.
  static constexpr std::int64_t kBelievedAfterMs = 3'600'000;

  // Of both clocks at one moment: the wall clock since 1970, and the steady one, which runs on at
  // its own pace whatever is done to the other. Gives the time to go by, ms since 1970, never later
  // than `wall_ms`.
  std::int64_t now_ms(std::int64_t wall_ms, std::int64_t steady_ms) noexcept {
    const std::int64_t ahead_ms = wall_ms - steady_ms;
    const bool is_ahead = started_ && ahead_ms - believed_ahead_ms_ > kToleratedMs;
    if (is_ahead && !is_holding_back_) jumped_at_ms_ = steady_ms;
    const bool lasts = is_ahead && steady_ms - jumped_at_ms_ >= kBelievedAfterMs;
    // Set back is believed at once: it makes nothing older.
    if (!is_ahead || lasts) believed_ahead_ms_ = ahead_ms;
    is_holding_back_ = is_ahead && !lasts;
    started_ = true;
    return steady_ms + believed_ahead_ms_;
  }

  // The wall clock has jumped ahead, and is not believed yet: worth a line in the log.
  bool is_holding_back() const noexcept { return is_holding_back_; }

 private:
  bool started_ = false;
  std::int64_t believed_ahead_ms_ = 0;  // wall less steady
  bool is_holding_back_ = false;
  std::int64_t jumped_at_ms_ = 0;  // steady; of the jump that is being held back
};

}  // namespace ringmain::storage
