// The barrier works where it is said to, and says what to do where not.
#include "os/membarrier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace ringmain::os {
namespace {

TEST(MembarrierTest, a_process_registers_any_number_of_times_and_issues_barriers) {
  if (!global_barrier_supported()) GTEST_SKIP() << "no membarrier on this machine";
  EXPECT_TRUE(register_for_global_barrier());
  EXPECT_TRUE(register_for_global_barrier());
  global_barrier();
}

// As a container's seccomp profile may do.
bool forbid_membarrier() {
  std::array<sock_filter, 4> filter{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_membarrier},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// In a fresh process: whether it is supported is asked once.
[[noreturn]] void register_where_it_is_forbidden() {
  if (!forbid_membarrier()) std::_Exit(1);
  if (global_barrier_supported()) std::_Exit(2);
  const Status status = register_for_global_barrier();
  if (status) std::_Exit(3);
  std::fputs(status.error().message.c_str(), stderr);
  std::_Exit(0);
}

TEST(MembarrierDeathTest, where_it_is_forbidden_the_error_names_the_alternative) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(register_where_it_is_forbidden(), testing::ExitedWithCode(0),
              "use seq_cst fences instead");
}

}  // namespace
}  // namespace ringmain::os
