// What benchmark records contain: a stamp, and a pattern that belongs to its number. Both sides
// can make it, so every byte that arrives is checked.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "ringmain/bytes.hpp"

namespace ringmain::tools {

struct Stamp {
  uint64_t sequence = 0;
  uint64_t intended_cycles = 0;  // when it was due; only in records that have room for it
};

class Payload {
 public:
  static constexpr size_t min_bytes = sizeof(uint64_t);
  static constexpr size_t min_bytes_with_time = sizeof(Stamp);

  explicit Payload(size_t size_bytes)
      : value_(size_bytes),
        stamp_bytes_(size_bytes < sizeof(Stamp) ? sizeof(uint64_t) : sizeof(Stamp)),
        noise_((size_bytes + shifts * step_bytes) / sizeof(uint64_t) + 1) {
    Random random(1);  // the same on both sides
    for (uint64_t& word : noise_) word = random();
  }

  Bytes make(const Stamp& stamp) noexcept {
    std::memcpy(value_.data(), &stamp, stamp_bytes_);
    std::memcpy(value_.data() + stamp_bytes_, pattern(stamp.sequence),
                value_.size() - stamp_bytes_);
    return {value_.data(), value_.size()};
  }

  // Requires a value of the right size.
  Stamp stamp_of(Bytes value) const noexcept {
    Stamp stamp;
    std::memcpy(&stamp, value.data(), stamp_bytes_);
    return stamp;
  }

  bool is_sound(Bytes value, uint64_t sequence) const noexcept {
    return value.size() == value_.size() &&
           std::memcmp(value.data(), &sequence, sizeof(sequence)) == 0 &&
           std::memcmp(value.data() + stamp_bytes_, pattern(sequence),
                       value.size() - stamp_bytes_) == 0;
  }

 private:
  // Neighbouring records take the noise from different places.
  static constexpr size_t shifts = 61, step_bytes = 8;

  const char* pattern(uint64_t sequence) const noexcept {
    return reinterpret_cast<const char*>(noise_.data()) + sequence % shifts * step_bytes;
  }

  std::vector<char> value_;
  size_t stamp_bytes_;
  std::vector<uint64_t> noise_;
};

}  // namespace ringmain::tools
