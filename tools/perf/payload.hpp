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

  size_t size_bytes() const noexcept { return value_.size(); }

  Bytes make(const Stamp& stamp) noexcept {
    fill(value_.data(), stamp);
    return {value_.data(), value_.size()};
  }

  // The same, in place: into room for a value.
  void fill(char* at, const Stamp& stamp) const noexcept {
    std::memcpy(at, &stamp, stamp_bytes_);
    std::memcpy(at + stamp_bytes_, pattern(stamp.sequence), value_.size() - stamp_bytes_);
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

  // Of a value of the right size: its number, one word in each 64 bytes, and the last word. Touches
  // every cache line, for a fraction of the instructions.
  bool is_sound_by_line(Bytes value, uint64_t sequence) const noexcept {
    uint64_t difference = word_at(value.data()) ^ sequence;
    const char* body = value.data() + stamp_bytes_;
    const char* expected = pattern(sequence);
    const size_t body_bytes = value.size() - stamp_bytes_;
    if (body_bytes < word_bytes) return difference == 0 && std::memcmp(body, expected, body_bytes) == 0;
    const size_t last = body_bytes - word_bytes;
    for (size_t at = 0; at < last; at += line_bytes)
      difference |= word_at(body + at) ^ word_at(expected + at);
    return (difference | (word_at(body + last) ^ word_at(expected + last))) == 0;
  }

 private:
  static constexpr size_t word_bytes = sizeof(uint64_t), line_bytes = 64;

  static uint64_t word_at(const char* at) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    return word;
  }

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
