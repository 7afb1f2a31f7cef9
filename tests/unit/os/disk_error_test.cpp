// Which of the system's refusals a caller can tell apart.
#include "os/disk_error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace ringmain::os {
namespace {

TEST(DiskErrorTest, what_a_caller_acts_on_has_a_code_of_its_own) {
  const auto code_of = [](int error) { return fail_disk("x", error).value().code; };
  EXPECT_EQ(code_of(ENOSPC), ErrorCode::no_space);
  EXPECT_EQ(code_of(EDQUOT), ErrorCode::no_space);
  EXPECT_EQ(code_of(EIO), ErrorCode::io);
  EXPECT_EQ(code_of(EROFS), ErrorCode::read_only);
  EXPECT_EQ(code_of(EACCES), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(EPERM), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(ENOENT), ErrorCode::not_found);
  EXPECT_EQ(code_of(EEXIST), ErrorCode::already_exists);
  EXPECT_EQ(code_of(EMFILE), ErrorCode::io);
}

TEST(DiskErrorTest, the_message_ends_with_the_words_of_the_system) {
  EXPECT_EQ(fail_disk("cannot sync /a", EIO).value().message, "cannot sync /a: Input/output error");
}

TEST(DiskErrorTest, a_range_must_fit_a_file) {
  EXPECT_TRUE(check_range("/a", {0, 1}));
  EXPECT_TRUE(check_range("/a", {uint64_t{1} << 62, uint64_t{1} << 61}));
  EXPECT_EQ(check_range("/a", {4, 0}).error().message, "0 bytes at 4 of /a: no range of a file");
  EXPECT_FALSE(check_range("/a", {INT64_MAX, 1}));
  EXPECT_FALSE(check_range("/a", {UINT64_MAX, 2}));
  EXPECT_FALSE(check_range("/a", {0, UINT64_MAX}));
}

}  // namespace
}  // namespace ringmain::os
