// Fuzzes the offset index: any file is refused, or comes back byte for byte, and its answers are at
// or below what was asked for.

// USES segment
#include "fuzz/index_fuzz.hpp"
#include "segment/offset_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain;
  const auto input = fuzz::index_input(data, size);
  const auto index = segment::OffsetIndex::decode(input.bytes, input.expected, "fuzz");
  if (!index) return 0;
  fuzz::require(index->encode() == input.bytes);
  const std::uint64_t base = input.expected.base_offset;
  for (const std::uint64_t offset :
       {std::uint64_t{0}, base, base + 1, base + 0x200, base + 0xffffffff, ~std::uint64_t{0}}) {
    const auto place = index->at_or_below(offset);
    if (!place || base > ~std::uint64_t{0} - 0xffffffff)
      continue;  // no head has so high a base offset
    fuzz::require(place->offset <= offset && place->units >= format::kFirstFrameUnits);
  }
  return 0;
}
