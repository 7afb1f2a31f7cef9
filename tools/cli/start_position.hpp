// Where reading starts: the argument of --from.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringmain::tools {

struct StartPosition {
  enum class Kind {
    earliest,
    latest,
    offset,   // value: the offset
    last,     // value: how many records before the end
    instant,  // value: milliseconds since 1970
  };
  Kind kind = Kind::latest;
  int64_t value = 0;
};

// "earliest", "latest", "42", "-10", "@1714560000000", "@2024-05-01T12:00:00Z".
// Throws UsageError.
StartPosition parse_start_position(std::string_view text);

}  // namespace ringmain::tools
