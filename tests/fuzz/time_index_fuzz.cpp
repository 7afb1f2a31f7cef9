// Fuzzes the time index: any file is refused, or comes back byte for byte, and later times give
// later places.

// USES segment
#include <limits>

#include "fuzz/index_fuzz.hpp"
#include "segment/time_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain;
  const auto input = fuzz::index_input(data, size);
  const auto index = segment::TimeIndex::decode(input.bytes, input.expected, "fuzz");
  if (!index) return 0;
  fuzz::require(index->encode() == input.bytes);
  std::uint64_t last_relative = 0;
  for (const std::int64_t time :
       {std::numeric_limits<std::int64_t>::min(), std::int64_t{-7}, std::int64_t{0},
        std::int64_t{0x0102030405060708}, std::numeric_limits<std::int64_t>::max()}) {
    const auto place = index->all_older_before(time);
    const std::uint64_t relative = place ? place->offset - input.expected.base_offset : 0;
    fuzz::require(relative >= last_relative && relative <= 0xffffffff);
    last_relative = relative;
  }
  return 0;
}
