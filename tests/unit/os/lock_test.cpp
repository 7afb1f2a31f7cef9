// Locks have one owner, and go with it.
#include "os/lock.hpp"

#include <gmock/gmock.h>

#include "os/file.hpp"
#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

class LockTest : public testing::Test {
 protected:
  UniqueFd open_again() const { return open_file(scratch_ / "lock", O_RDWR | O_CREAT).value(); }

  ScratchDirectory scratch_;
};

TEST_F(LockTest, a_file_has_one_owner_until_that_closes_it) {
  UniqueFd first = open_again();
  const UniqueFd second = open_again();
  EXPECT_EQ(try_lock_file(first.get()).value(), LockOutcome::taken);
  EXPECT_EQ(try_lock_file(first.get()).value(), LockOutcome::taken);
  EXPECT_EQ(try_lock_file(second.get()).value(), LockOutcome::held_elsewhere);
  first.reset();
  EXPECT_EQ(try_lock_file(second.get()).value(), LockOutcome::taken);
}

TEST_F(LockTest, the_death_of_the_owner_frees_the_lock) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = start_child([&] {
    const UniqueFd own = open_again();
    const bool taken = try_lock_byte(own.get(), 3).value() == LockOutcome::taken;
    if (!taken || ::write(ready[1], "x", 1) != 1) return 1;
    while (true) ::pause();
  });
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const UniqueFd file = open_again();
  EXPECT_TRUE(is_byte_locked(file.get(), 3).value());
  EXPECT_EQ(try_lock_byte(file.get(), 3).value(), LockOutcome::held_elsewhere);
  ::kill(child, SIGKILL);
  wait_for_child(child);
  EXPECT_FALSE(is_byte_locked(file.get(), 3).value());
  EXPECT_EQ(try_lock_byte(file.get(), 3).value(), LockOutcome::taken);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(LockTest, bytes_are_locked_apart_and_need_not_exist) {
  const UniqueFd first = open_again();
  const UniqueFd second = open_again();
  EXPECT_EQ(try_lock_byte(first.get(), 5).value(), LockOutcome::taken);
  EXPECT_EQ(try_lock_byte(second.get(), 6).value(), LockOutcome::taken);
  EXPECT_EQ(try_lock_byte(second.get(), 5).value(), LockOutcome::held_elsewhere);
  EXPECT_TRUE(is_byte_locked(second.get(), 5).value());
  EXPECT_FALSE(is_byte_locked(first.get(), 5).value());  // its own lock does not count
  ASSERT_TRUE(unlock_byte(first.get(), 5));
  EXPECT_FALSE(is_byte_locked(second.get(), 5).value());
}

TEST_F(LockTest, a_descriptor_that_cannot_lock_is_named) {
  static_cast<void>(open_again());
  const auto read_only = open_file(scratch_ / "lock", O_RDONLY).value();
  EXPECT_EQ(try_lock_file(read_only.get()).error().message,
            "cannot lock " + (scratch_ / "lock") + ": Bad file descriptor");
  EXPECT_THAT(unlock_byte(-1, 2).error().message, testing::HasSubstr("cannot unlock byte 2"));
  EXPECT_THAT(is_byte_locked(-1, 2).error().message,
              testing::HasSubstr("cannot look for a lock on byte 2"));
}

}  // namespace
}  // namespace ringmain::os
