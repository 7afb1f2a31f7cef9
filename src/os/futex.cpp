// The futex system call, without FUTEX_PRIVATE_FLAG: the kernel then knows the word by file
// and offset, so that every process that maps it means the same one.
#include "os/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/assert.hpp"

namespace ringmain::os {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t), "the kernel reads 32 bits");
static_assert(std::atomic<uint32_t>::is_always_lock_free);

timespec to_timespec(int64_t duration_ns) {
  const int64_t ns = std::max<int64_t>(duration_ns, 0);
  timespec time{};
  time.tv_sec = ns / 1'000'000'000;
  time.tv_nsec = ns % 1'000'000'000;
  return time;
}

}  // namespace

FutexWait futex_wait(const std::atomic<uint32_t>& word, uint32_t expected,
                     std::optional<int64_t> timeout_ns) noexcept {
  timespec timeout{};
  if (timeout_ns) timeout = to_timespec(*timeout_ns);
  const int64_t result = ::syscall(SYS_futex, &word, FUTEX_WAIT, expected,
                                   timeout_ns ? &timeout : nullptr, nullptr, 0);
  if (result == 0) return FutexWait::woken;
  switch (errno) {
    case EAGAIN:
      return FutexWait::changed;
    case ETIMEDOUT:
      return FutexWait::timed_out;
    case EINTR:
      return FutexWait::interrupted;
    default:
      RINGMAIN_ASSERT(!"futex_wait on a word that is not mapped");
      return FutexWait::interrupted;
  }
}

int futex_wake(const std::atomic<uint32_t>& word, int count) noexcept {
  const int64_t woken = ::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  RINGMAIN_ASSERT(woken >= 0);  // fails only for a word that is not mapped
  return static_cast<int>(woken);
}

}  // namespace ringmain::os
