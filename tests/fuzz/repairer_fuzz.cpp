// Fuzzes the broker's side of a partition whose memory is hostile: repairs and questions about who
// holds what must end, and stay inside the memory.
// USES log
#include <cstdint>

#include "fuzz/hostile_partition.hpp"
#include "log/recycler.hpp"
#include "log/repairer.hpp"
#include "log/waker.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringmain;
  fuzz::HostilePartition memory;
  const auto rest = memory.fill(std::as_bytes(std::span(data, size)));
  const unsigned dead = rest.empty() ? 0xff : std::to_integer<unsigned>(rest[0]);
  const auto is_dead = [dead](std::uint32_t index) { return index < 8 && (dead >> index & 1) != 0; };
  log::Repairer repairer(memory.view());
  const log::Recycler recycler(memory.view());
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t index = 0; index < fuzz::HostilePartition::kIntents; ++index) {
      if (is_dead(index))
        static_cast<void>(repairer.repair(index, is_dead));
      else
        static_cast<void>(repairer.repair_abandoned(index));
    }
    for (std::uint64_t segment = 0; segment < 8; ++segment) {
      static_cast<void>(recycler.holder(segment));
      static_cast<void>(recycler.passed_by_all_readers(segment));
    }
  }
  return 0;
}
