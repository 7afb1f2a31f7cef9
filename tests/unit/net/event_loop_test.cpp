// EventLoop: timers, watches, signals, and calls from other threads.
#include "net/event_loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <vector>

#include "os/eventfd.hpp"
#include "os/pidfd.hpp"

namespace ringmain::net {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, runs_what_other_threads_post_in_their_order) {
  EventLoop loop;
  std::vector<int> ran;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) loop.post([&ran, i] { ran.push_back(i); });
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  other.join();
  EXPECT_THAT(ran, testing::ElementsAre(0, 1, 2));
}

TEST(EventLoop, that_was_stopped_before_it_ran_returns_at_once) {
  EventLoop loop;
  loop.stop();
  loop.run();
}

TEST(EventLoop, calls_timers_in_the_order_of_their_times) {
  EventLoop loop;
  std::vector<int> ran;
  const Registration late = loop.call_after(2ms, [&] {
    ran.push_back(2);
    loop.stop();
  });
  const Registration early = loop.call_after(1ms, [&] { ran.push_back(1); });
  loop.run();
  EXPECT_THAT(ran, testing::ElementsAre(1, 2));
}

TEST(EventLoop, repeats_a_timer_until_it_cancels_itself) {
  EventLoop loop;
  int calls = 0;
  Registration timer;
  timer = loop.call_every(1ms, [&] {
    if (++calls < 3) return;
    timer.cancel();
    loop.post([&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(timer);
}

TEST(EventLoop, never_calls_a_timer_whose_registration_is_gone) {
  EventLoop loop;
  bool called = false;
  {
    const Registration gone = loop.call_after(0ns, [&] { called = true; });
  }
  const Registration end = loop.call_after(1ms, [&] { loop.stop(); });
  loop.run();
  EXPECT_FALSE(called);
}

TEST(EventLoop, calls_a_watch_until_its_descriptor_is_drained) {
  EventLoop loop;
  auto bell = os::EventFd::create();
  ASSERT_TRUE(bell);
  int calls = 0;
  auto watch = loop.watch_readable(bell->fd(), [&] {
    if (++calls < 3) return;  // not drained: called again
    bell->drain();
    loop.post([&] { loop.stop(); });
  });
  ASSERT_TRUE(watch) << watch.error().message;
  bell->ring();
  loop.run();
  EXPECT_EQ(calls, 3);
}

TEST(EventLoop, leaves_a_watched_descriptor_open_and_free_for_the_next_watch) {
  EventLoop loop;
  auto bell = os::EventFd::create();
  ASSERT_TRUE(bell);
  {
    ASSERT_TRUE(loop.watch_readable(bell->fd(), [] { FAIL(); }));
  }
  bell->ring();
  auto watch = loop.watch_readable(bell->fd(), [&] {
    EXPECT_EQ(bell->drain(), 1u);
    loop.stop();
  });
  ASSERT_TRUE(watch);
  loop.run();
}

TEST(EventLoop, notices_the_death_of_a_process) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  EventLoop loop;
  auto process = os::Pidfd::open(child);
  ASSERT_TRUE(process);
  auto watch = loop.watch_readable(process->fd(), [&] { loop.stop(); });
  ASSERT_TRUE(watch);
  loop.post([&] { EXPECT_TRUE(process->send_signal(SIGKILL)); });
  loop.run();
  EXPECT_TRUE(process->is_dead());
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST(EventLoop, turns_stop_signals_into_calls) {
  EventLoop loop;
  std::vector<int> signals;
  loop.on_stop_signal([&](int signal) {
    signals.push_back(signal);
    if (signals.size() == 1) ::raise(SIGINT);
    if (signals.size() == 2) loop.stop();
  });
  ::raise(SIGTERM);
  loop.run();
  EXPECT_THAT(signals, testing::ElementsAre(SIGTERM, SIGINT));
}

}  // namespace
}  // namespace ringmain::net
