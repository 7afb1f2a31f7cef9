// Random numbers: a seeded generator (xoshiro256**) that replays a run exactly, and
// entropy for ids. Not for secrets, except os_entropy64().
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace ringmain {

// 64 bits from the kernel (getrandom); never blocks once the machine has booted.
uint64_t os_entropy64() noexcept;

// Turns any seed, also 0, 1, 2, into well-mixed words (splitmix64).
class SplitMix64 {
 public:
  constexpr explicit SplitMix64(uint64_t seed) noexcept : state_(seed) {}

  constexpr uint64_t operator()() noexcept {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t word = state_;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
  }

 private:
  uint64_t state_;
};

// xoshiro256**, a UniformRandomBitGenerator. One seed, one sequence, on every machine.
class Random {
 public:
  using result_type = uint64_t;

  constexpr explicit Random(uint64_t seed) noexcept {
    SplitMix64 mix(seed);
    for (uint64_t& word : state_) word = mix();
  }

  static constexpr uint64_t min() noexcept { return 0; }
  static constexpr uint64_t max() noexcept { return std::numeric_limits<uint64_t>::max(); }

  constexpr uint64_t operator()() noexcept {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // A number in [0, bound), without the libraries' distributions: these differ between
  // standard libraries, and a seed must replay. The bias is below bound / 2^64.
  // Requires bound > 0.
  constexpr uint64_t below(uint64_t bound) noexcept {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((Wide{(*this)()} * bound) >> 64);
  }

 private:
  std::array<uint64_t, 4> state_{};
};

}  // namespace ringmain
