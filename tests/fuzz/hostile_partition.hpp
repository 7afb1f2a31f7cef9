// A partition whose every shared byte may be hostile: control area, directory, intents, readers and
// slots are the fuzzer's; only the geometry, which clients keep in private, is sound.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "log_fixture.hpp"

namespace ringmain::fuzz {

class HostilePartition {
 public:
  static constexpr std::uint32_t kSlots = 3;
  static constexpr std::uint64_t kSlotBytes = 1024;
  static constexpr std::uint32_t kIntents = 8;  // hostile ones; the others are idle
  static constexpr std::uint32_t kReaderLines = 4;
  // More steps than a partition of this size has places.
  static constexpr int kStepsMax = 10 * kSlots * (kSlotBytes / 32);

  HostilePartition() { memory_.view().control().prepared.store(1); }

  const log::PartitionView& view() const noexcept { return memory_.view(); }

  // The parts of memory that an input fills, in this order.
  std::vector<std::span<std::byte>> parts() const {
    const auto& v = view();
    const auto part = [](auto* at, std::size_t bytes) { return std::span(reinterpret_cast<std::byte*>(at), bytes); };
    std::vector<std::span<std::byte>> list = {
        part(&v.control(), sizeof(format::Control)),
        part(&v.directory(0), 8 * v.geometry().directory_size),
        part(&v.intent(0), kIntents * sizeof(format::IntentLine)),
        part(&v.readers().sleeping, 64),
        part(&v.readers().lines, kReaderLines * sizeof(format::ReaderLine)),
    };
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) list.push_back(part(v.slot(slot), kSlotBytes));
    return list;
  }
  // Fills the memory; what is left of the input comes back.
  std::span<const std::byte> fill(std::span<const std::byte> input) {
    for (const auto part : parts()) {
      const std::size_t bytes = std::min(part.size(), input.size());
      if (bytes != 0) std::memcpy(part.data(), input.data(), bytes);
      input = input.subspan(bytes);
    }
    return input;
  }
  // Writes one word somewhere, as a process does that runs wild while others are at work.
  void scribble(std::uint16_t where, std::uint64_t word) {
    const auto all = parts();
    const auto part = all[where % all.size()];
    std::memcpy(part.data() + (where / all.size() * 8) % (part.size() - 7), &word, sizeof(word));
  }

 private:
  test::LogFixture<log::SharedMemory> memory_{kSlots, kSlotBytes};
};

}  // namespace ringmain::fuzz
