// Hints change nothing, wherever they point.
#include "os/cpu.hpp"

#include <gtest/gtest.h>

namespace ringmain::os {
namespace {

TEST(CpuTest, hints_keep_the_bytes_as_they_are) {
  char line[64] = {1};
  pause();
  prefetch_read(line);
  prefetch_write(line);
  EXPECT_EQ(line[0], 1);
}

TEST(CpuTest, a_prefetch_past_mapped_memory_does_not_fault) {
  const auto unmapped = uintptr_t{0x1000};
  prefetch_read(reinterpret_cast<const void*>(unmapped));
  prefetch_write(reinterpret_cast<void*>(unmapped));
}

}  // namespace
}  // namespace ringmain::os
