// The participants file of a bus: who is attached, so that a broker that starts anew knows whom
// to expect and whom to bury. The broker alone maps it. Contract: docs/formats/bus.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/readers.hpp"

namespace ringmain::format {

inline constexpr std::uint64_t kParticipantsMagic = 0x3130545241504252;  // "RBPART01"

struct ParticipantEntry {
  std::uint64_t nonce;        // 0: free; proves to the broker that a client is the same one
  std::uint64_t start_ticks;  // of its process; with the pid it names one process
  std::int32_t pid;
  std::uint32_t uid;
  std::uint64_t reserved0;
};
static_assert(sizeof(ParticipantEntry) == 32);
static_assert(offsetof(ParticipantEntry, pid) == 16);

struct Participants {
  std::uint64_t magic;
  std::uint8_t reserved0[24];
  ParticipantEntry entries[kMaxParticipants];  // entry 0 stays free: 0 means nobody
};
static_assert(offsetof(Participants, entries) == 32);

}  // namespace ringmain::format
