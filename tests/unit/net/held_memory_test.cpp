// Who is closed when clients make the server hold too much, and what replies may have before.
#include "net/held_memory.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ringmain::net {
namespace {

constexpr size_t own = HeldMemory::own_bytes;

class HeldMemoryTest : public testing::Test {
 protected:
  // Adds a connection that holds so much beyond its own.
  void join(size_t bytes) {
    const size_t number = shares_.size();
    shares_.push_back(std::make_unique<HeldMemory::Share>(memory_, [this, number] {
      closed_.push_back(number);
      shares_[number]->hold(0, false);
    }));
    shares_[number]->hold(own + bytes, true);
  }

  HeldMemory memory_{1000};
  std::vector<std::unique_ptr<HeldMemory::Share>> shares_;
  std::vector<size_t> closed_;
};

TEST_F(HeldMemoryTest, does_not_count_what_each_has_for_itself) {
  for (int i = 0; i < 100; ++i) join(0);
  EXPECT_EQ(memory_.counted_bytes(), 0u);
  EXPECT_TRUE(closed_.empty());
}

TEST_F(HeldMemoryTest, is_given_back) {
  join(600);
  shares_[0]->hold(own + 100, true);
  EXPECT_EQ(memory_.counted_bytes(), 100u);
  shares_[0].reset();
  EXPECT_EQ(memory_.counted_bytes(), 0u);
}

TEST_F(HeldMemoryTest, the_limit_itself_is_allowed) {
  join(400);
  join(600);
  EXPECT_TRUE(closed_.empty());
}

TEST_F(HeldMemoryTest, those_that_stand_still_longest_go_until_the_rest_fits) {
  join(300);
  join(300);
  join(300);
  shares_[0]->hold(own + 299, true);
  join(500);
  EXPECT_EQ(closed_, (std::vector<size_t>{1, 2}));
  EXPECT_EQ(memory_.counted_bytes(), 799u);
}

TEST_F(HeldMemoryTest, to_hold_more_is_not_to_move) {
  join(300);
  join(300);
  shares_[0]->hold(own + 400, false);
  join(500);
  EXPECT_EQ(closed_, std::vector<size_t>{0});
}

TEST_F(HeldMemoryTest, one_that_is_too_much_alone_goes_and_takes_the_stiller_ones_with_it) {
  join(10);
  join(1001);
  EXPECT_EQ(closed_, (std::vector<size_t>{0, 1}));
}

TEST_F(HeldMemoryTest, replies_become_smaller_and_never_nothing) {
  HeldMemory large(64 * own);
  HeldMemory::Share first(large, [] {});
  HeldMemory::Share second(large, [] {});
  EXPECT_EQ(first.room_for_reply(), 4 * own);
  second.hold(33 * own, true);
  EXPECT_EQ(first.room_for_reply(), 2 * own);
  second.hold(65 * own, true);
  EXPECT_EQ(first.room_for_reply(), own);
}

}  // namespace
}  // namespace ringmain::net
