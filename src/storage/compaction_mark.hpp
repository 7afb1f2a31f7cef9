// When a segment was first cleaned. Pure; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "format/log_file.hpp"

namespace ringmain::storage {

// ms since 1970, by this broker's clock.
inline std::optional<std::int64_t> first_cleaned_ms(const format::LogFileHead& head) noexcept {
  if ((head.flags & format::kSegmentCleaned) == 0) return std::nullopt;
  return std::max<std::int64_t>(head.cleaned_ms, 0);  // whatever the disk says, differences are sound
}

// The head has to be sealed afterwards.
inline void mark_cleaned(format::LogFileHead& head, std::int64_t now_ms) noexcept {
  // A mark from the future is of a clock that was set back since: it would keep tombstones for as
  // long as that clock was wrong.
  const auto first = first_cleaned_ms(head);
  head.cleaned_ms = first && *first <= now_ms ? *first : now_ms;
  head.flags |= format::kSegmentCleaned;
}

}  // namespace ringmain::storage
