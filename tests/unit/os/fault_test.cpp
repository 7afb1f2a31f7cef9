// Fault points strike where they were told to, and nowhere else.
#include "os/fault.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include "unit/os/scratch.hpp"

namespace ringmain::os {
namespace {

class FaultTest : public testing::Test {
 protected:
  ~FaultTest() override { static_cast<void>(configure_faults("")); }
};

TEST_F(FaultTest, nothing_happens_without_a_specification) {
  ASSERT_TRUE(configure_faults(""));
  EXPECT_FALSE(detail::fault_injection);
  fault_point("x");
  EXPECT_EQ(fault_errno("x"), 0);
}

TEST_F(FaultTest, an_error_comes_at_the_nth_passage_only) {
  ASSERT_TRUE(configure_faults("x:enospc:2"));
  EXPECT_EQ(fault_errno("other"), 0);
  EXPECT_EQ(fault_errno("x"), 0);
  EXPECT_EQ(fault_errno("x"), ENOSPC);
  EXPECT_EQ(fault_errno("x"), 0);
}

TEST_F(FaultTest, a_plus_makes_it_stay) {
  ASSERT_TRUE(configure_faults("x:eio:2+"));
  EXPECT_EQ(fault_errno("x"), 0);
  EXPECT_EQ(fault_errno("x"), EIO);
  EXPECT_EQ(fault_errno("x"), EIO);
}

TEST_F(FaultTest, several_faults_count_apart) {
  ASSERT_TRUE(configure_faults("x:eio,y:enospc:2"));
  EXPECT_EQ(fault_errno("y"), 0);
  EXPECT_EQ(fault_errno("x"), EIO);
  EXPECT_EQ(fault_errno("y"), ENOSPC);
}

TEST_F(FaultTest, kill_ends_the_process_at_the_point) {
  ASSERT_TRUE(configure_faults("x:kill:2"));
  const int status = wait_for_child(start_child([] {
    fault_point("x");
    fault_point("x");
    return 0;
  }));
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST_F(FaultTest, stop_holds_the_process_until_it_is_continued) {
  ASSERT_TRUE(configure_faults("x:stop"));
  const pid_t child = start_child([] {
    fault_point("x");
    return 7;
  });
  EXPECT_TRUE(WIFSTOPPED(wait_for_child(child, WUNTRACED)));
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  EXPECT_TRUE(exited_with(wait_for_child(child), 7));
}

TEST_F(FaultTest, a_bad_specification_is_explained_and_changes_nothing) {
  ASSERT_TRUE(configure_faults("x:eio"));
  const auto message = [](const char* specification) {
    return configure_faults(specification).error().message;
  };
  EXPECT_EQ(message("y:burn"),
            "fault \"y:burn\" is not name:action[:nth[+]]: "
            "the action is one of kill, stop, enospc, eio");
  EXPECT_THAT(message("y"), testing::HasSubstr("the action is one of"));
  EXPECT_THAT(message(":eio"), testing::HasSubstr("the name is missing"));
  EXPECT_THAT(message("y:eio:0"), testing::HasSubstr("nth is a number from 1 on"));
  EXPECT_THAT(message("y:eio:2x"), testing::HasSubstr("nth is a number from 1 on"));
  EXPECT_EQ(fault_errno("x"), EIO);
}

int run_this_program_with(const char* fault) {
  return wait_for_child(start_child([fault] {
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    ::setenv("RINGMAIN_FAULT", fault, 1);
    ::execl("/proc/self/exe", "unit_os", "--gtest_list_tests", nullptr);
    return 126;
  }));
}

TEST_F(FaultTest, the_environment_is_read_at_start_and_refused_when_unreadable) {
  EXPECT_TRUE(exited_with(run_this_program_with("x:kill"), 0));
  EXPECT_TRUE(exited_with(run_this_program_with("x:burn"), 2));
}

}  // namespace
}  // namespace ringmain::os
