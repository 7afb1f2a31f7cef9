// Deadlines become timeouts that neither end early nor overflow.
#include "os/deadline.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include "os/eventfd.hpp"
#include "os/poll.hpp"

namespace ringmain::os {
namespace {

TEST(DeadlineTest, never_waits_for_ever_and_the_past_not_at_all) {
  EXPECT_EQ(Deadline::never().poll_timeout_ms(), -1);
  EXPECT_EQ(Deadline::at_steady_ns(0).poll_timeout_ms(), 0);
  EXPECT_EQ(Deadline::after_ns(-1).poll_timeout_ms(), 0);
}

TEST(DeadlineTest, a_part_of_a_millisecond_counts_as_one) {
  EXPECT_EQ(Deadline::at_steady_ns(now_steady_ns() + 3600'000'000'000).poll_timeout_ms(),
            3'600'000);
}

TEST(DeadlineTest, the_far_future_is_never) {
  EXPECT_TRUE(Deadline::after_ns(INT64_MAX).is_never());
  EXPECT_GT(Deadline::after_ns(INT64_MAX / 2).poll_timeout_ms(), 0);
}

TEST(PollTest, tells_ready_from_timed_out) {
  const EventFd bell = EventFd::create().value();
  EXPECT_EQ(wait_ready(bell.fd(), POLLIN, Deadline::at_steady_ns(0)), PollWait::timed_out);
  EXPECT_EQ(wait_ready(bell.fd(), POLLIN, Deadline::after_ns(2'000'000)), PollWait::timed_out);
  bell.ring();
  EXPECT_EQ(wait_ready(bell.fd(), POLLIN, Deadline::never()), PollWait::ready);
}

TEST(EventFdTest, counts_the_rings_until_it_is_drained) {
  const EventFd bell = EventFd::create().value();
  EXPECT_EQ(bell.drain(), 0u);
  bell.ring();
  bell.ring();
  EXPECT_EQ(bell.drain(), 2u);
  EXPECT_EQ(bell.drain(), 0u);
}

}  // namespace
}  // namespace ringmain::os
