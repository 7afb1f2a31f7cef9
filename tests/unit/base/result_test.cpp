// Errors say what failed and why, with a code to act on.
#include "base/result.hpp"

#include <gtest/gtest.h>

namespace ringmain {
namespace {

TEST(ResultTest, errno_gives_the_message_the_system_uses) {
  const Error error = fail_errno("cannot open /x", ENOENT).value();
  EXPECT_EQ(error.message, "cannot open /x: No such file or directory");
  EXPECT_EQ(error.code, ErrorCode::io);
}

TEST(ResultTest, errno_decides_the_code) {
  EXPECT_EQ(fail_errno("x", ENOSPC).value().code, ErrorCode::no_space);
  EXPECT_EQ(fail_errno("x", EACCES).value().code, ErrorCode::permission_denied);
  EXPECT_EQ(fail_errno("x", EPERM).value().code, ErrorCode::permission_denied);
  EXPECT_EQ(fail_errno("x", EIO).value().code, ErrorCode::io);
}

TEST(ResultTest, codes_have_the_names_kafka_gives_them) {
  EXPECT_STREQ(error_name(ErrorCode::none), "none");
  EXPECT_STREQ(error_name(ErrorCode::unknown_topic_or_partition), "unknown_topic_or_partition");
  EXPECT_STREQ(error_name(ErrorCode::no_space), "no_space");
  EXPECT_STREQ(error_name(static_cast<ErrorCode>(12345)), "unregistered_code");
}

Result<int> half(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
  return number / 2;
}

Result<int> quarter(int number) {
  RINGMAIN_TRY_ASSIGN(halved, half(number));
  return half(halved);
}

TEST(ResultTest, an_error_returns_early_to_the_caller) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_EQ(quarter(3).error().message, "odd");
}

}  // namespace
}  // namespace ringmain
