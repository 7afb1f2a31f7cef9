// Futexes across processes.
#include "os/futex.hpp"

#include <gtest/gtest.h>

#include <new>

#include "os/mapping.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

constexpr uint64_t page = 4096;

std::atomic<uint32_t>& word_in(const Mapping& mapping) {
  return *reinterpret_cast<std::atomic<uint32_t>*>(mapping.data());
}

TEST(FutexTest, does_not_sleep_when_the_word_has_changed) {
  std::atomic<uint32_t> word{1};
  EXPECT_EQ(futex_wait(word, 0), FutexWait::changed);
}

TEST(FutexTest, gives_up_at_its_timeout) {
  std::atomic<uint32_t> word{0};
  EXPECT_EQ(futex_wait(word, 0, 1000), FutexWait::timed_out);
  EXPECT_EQ(futex_wait(word, 0, -5), FutexWait::timed_out);
}

TEST(FutexTest, waking_nobody_wakes_nobody) {
  std::atomic<uint32_t> word{0};
  EXPECT_EQ(futex_wake(word, wake_all), 0);
}

TEST(FutexTest, wakes_a_sleeper_of_another_process_with_a_read_only_mapping) {
  const UniqueFd file = memory_file(page);
  const Mapping mapping = Mapping::map(file.get(), 0, page, Access::read_write).value();
  const pid_t child = start_child([&] {
    const auto own = Mapping::map(file.get(), 0, page, Access::read_only);
    if (!own) return 1;
    while (true) {  // ends: the parent wakes until it has woken somebody
      if (futex_wait(word_in(*own), 0) == FutexWait::woken) return 0;
    }
  });
  while (futex_wake(word_in(mapping), 1) == 0) {
  }
  EXPECT_TRUE(exited_with(wait_for_child(child), 0));
}

}  // namespace
}  // namespace ringmain::os
