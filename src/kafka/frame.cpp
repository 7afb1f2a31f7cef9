// The size that stands in front of every message.
#include "kafka/frame.hpp"

#include <fmt/format.h>

namespace ringmain::kafka {

Result<size_t> frame_size_bytes(std::span<const std::byte, kFrameSizeBytes> size,
                                size_t max_bytes) {
  Reader reader(size);
  const int32_t announced = reader.int32("frame size");
  if (announced < 0 || static_cast<size_t>(announced) > max_bytes) {
    return fail(ErrorCode::invalid_request,
                fmt::format("a frame of {} bytes; the limit is {}", announced, max_bytes));
  }
  return static_cast<size_t>(announced);
}

}  // namespace ringmain::kafka
