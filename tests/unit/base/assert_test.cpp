// A broken invariant names its place, in every build.
#include "base/assert.hpp"

#include <gtest/gtest.h>

namespace ringmain {
namespace {

TEST(AssertDeathTest, a_false_condition_prints_file_line_and_expression_and_aborts) {
  EXPECT_EXIT(RINGMAIN_ASSERT(1 + 1 == 3), testing::KilledBySignal(SIGABRT),
              "assert_test\\.cpp:[0-9]+: assertion failed: 1 \\+ 1 == 3");
}

TEST(AssertTest, a_true_condition_is_evaluated_once) {
  int evaluations = 0;
  RINGMAIN_ASSERT(++evaluations == 1);
  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace ringmain
