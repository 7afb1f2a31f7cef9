// Ids of different kinds do not mix; ids of one kind behave as their number.
#include "base/strong_id.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <unordered_set>

namespace ringmain {
namespace {

using AppleId = StrongId<struct AppleTag, int32_t>;
using PearId = StrongId<struct PearTag, int32_t>;

static_assert(!std::is_convertible_v<int32_t, AppleId>);
static_assert(!std::is_convertible_v<AppleId, int32_t>);
static_assert(!std::is_constructible_v<AppleId, PearId>);
static_assert(sizeof(AppleId) == sizeof(int32_t));
static_assert(std::is_trivially_copyable_v<AppleId>);

TEST(StrongIdTest, compares_as_its_number) {
  EXPECT_EQ(AppleId(3), AppleId(3));
  EXPECT_LT(AppleId(-1), AppleId(2));
  EXPECT_EQ(AppleId(7).value(), 7);
  EXPECT_EQ(AppleId().value(), 0);
}

TEST(StrongIdTest, is_a_key_in_a_hash_table) {
  const std::unordered_set<AppleId> ids{AppleId(1), AppleId(2), AppleId(1)};
  EXPECT_EQ(ids.size(), 2u);
  EXPECT_TRUE(ids.contains(AppleId(2)));
}

}  // namespace
}  // namespace ringmain
