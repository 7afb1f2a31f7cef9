// What benchmark messages contain, and whether damage is noticed.
#include "perf/payload.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringmain::tools {
namespace {

constexpr size_t sizes[] = {8, 16, 17, 24, 32, 64, 100, 4096};

std::string filled(const Payload& payload, uint64_t sequence) {
  std::string value(payload.size_bytes(), 'x');
  payload.fill(value.data(), {sequence, 77});
  return value;
}

TEST(Payload, what_is_filled_in_place_is_what_is_made) {
  for (const size_t size : sizes) {
    Payload payload(size);
    EXPECT_EQ(payload.make({5, 77}), filled(payload, 5)) << size;
  }
}

TEST(Payload, sound_messages_are_sound_by_both_checks) {
  for (const size_t size : sizes) {
    const Payload payload(size);
    for (const uint64_t sequence : {0, 1, 60, 61, 1'000'000}) {
      EXPECT_TRUE(payload.is_sound(filled(payload, sequence), sequence)) << size;
      EXPECT_TRUE(payload.is_sound_by_line(filled(payload, sequence), sequence)) << size;
    }
  }
}

TEST(Payload, another_number_is_noticed) {
  for (const size_t size : sizes) {
    const Payload payload(size);
    EXPECT_FALSE(payload.is_sound(filled(payload, 3), 4)) << size;
    EXPECT_FALSE(payload.is_sound_by_line(filled(payload, 3), 4)) << size;
  }
}

TEST(Payload, any_damaged_byte_is_noticed_by_the_whole_check) {
  const Payload payload(300);
  for (size_t at = 0; at < 300; ++at) {
    std::string value = filled(payload, 9);
    value[at] = static_cast<char>(value[at] ^ 1);
    if (at >= 8 && at < 16) continue;  // when it was due: the sender's own business
    EXPECT_FALSE(payload.is_sound(value, 9)) << at;
  }
}

TEST(Payload, a_damaged_line_is_noticed_by_the_check_of_lines) {
  for (const size_t size : {size_t{64}, size_t{300}, size_t{4096}}) {
    const Payload payload(size);
    for (size_t line = 0; line < size; line += 64) {
      std::string value = filled(payload, 9);
      for (size_t at = line; at < std::min(line + 64, size); ++at)
        value[at] = static_cast<char>(~value[at]);
      EXPECT_FALSE(payload.is_sound_by_line(value, 9)) << size << " at " << line;
    }
    std::string value = filled(payload, 9);
    value.back() = static_cast<char>(~value.back());
    EXPECT_FALSE(payload.is_sound_by_line(value, 9)) << "the last byte of " << size;
  }
}

}  // namespace
}  // namespace ringmain::tools
