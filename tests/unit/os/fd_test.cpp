// A descriptor has one owner, and is closed once.
#include "os/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace ringmain::os {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

UniqueFd some_fd() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(UniqueFdTest, closes_at_the_end_of_its_life) {
  int number;
  {
    const UniqueFd fd = some_fd();
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFdTest, hands_its_descriptor_over_when_moved) {
  UniqueFd first = some_fd();
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), number);
  UniqueFd third = some_fd();
  const int replaced = third.get();
  third = std::move(second);
  EXPECT_EQ(third.get(), number);
  EXPECT_FALSE(is_open(replaced));
}

TEST(UniqueFdTest, release_leaves_the_descriptor_open) {
  UniqueFd fd = some_fd();
  const int number = fd.release();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(UniqueFdTest, empty_is_false_and_closes_nothing) {
  UniqueFd fd;
  EXPECT_FALSE(fd);
  fd.reset();
  EXPECT_EQ(fd.get(), -1);
}

}  // namespace
}  // namespace ringmain::os
