// Waiting for the disk: the words of the control area, which a thread of the test moves as the
// persister does.
#include "client/durable_wait.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "log/reader.hpp"
#include "log_fixture.hpp"

namespace ringmain::client {
namespace {

constexpr std::int64_t kLongNs = 3'600'000'000'000;  // a hang is the test runner's to end
constexpr std::uint32_t kPersisterId = 5;

class DurableWaiting : public ::testing::Test {
 protected:
  DurableWaiting() {
    control().storage.store(static_cast<std::uint32_t>(format::StorageState::healthy));
    control().persister.store(kPersisterId);
  }
  format::Control& control() { return fixture.view().control(); }
  std::uint32_t rings() { return fixture.view().doorbells()[kPersisterId].rings.load(); }
  void set_storage(format::StorageState state) {
    control().storage.store(static_cast<std::uint32_t>(state));
  }

  // As LogWriter::publish_watermarks().
  void become_durable(std::uint64_t offset) {
    control().durable_offset.store(offset, std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (control().durable_waiters.load(std::memory_order_relaxed) == 0) return;
    control().durable_bell.fetch_add(1, std::memory_order_release);
    log::SharedMemory::wake_all(control().durable_bell);
  }
  DurableState wait_for(std::uint64_t end, std::int64_t timeout_ns = kLongNs) {
    return wait.wait(end, end, timeout_ns, [this] { return gone.load(); });
  }
  void until_somebody_sleeps() {
    while (control().durable_waiters.load() == 0) std::this_thread::yield();
  }

  test::LogFixture<log::SharedMemory> fixture;
  DurableWait wait{fixture.view()};
  std::atomic<bool> gone{false};
};

TEST_F(DurableWaiting, ends_at_once_where_nothing_is_ever_on_disk) {
  set_storage(format::StorageState::none);
  EXPECT_EQ(wait_for(1), DurableState::memory_topic);
  EXPECT_EQ(rings(), 0u);
}

TEST_F(DurableWaiting, ends_at_once_for_what_is_on_disk_and_disturbs_nobody) {
  become_durable(7);
  EXPECT_EQ(wait_for(7), DurableState::durable);
  EXPECT_EQ(rings(), 0u);
  EXPECT_EQ(control().durable_wanted.load(), 0u);
}

TEST_F(DurableWaiting, without_time_is_a_look) {
  EXPECT_EQ(wait_for(1, 0), DurableState::pending);
  EXPECT_EQ(wait_for(1, -5), DurableState::pending);
  EXPECT_EQ(rings(), 0u);
  EXPECT_EQ(control().durable_wanted.load(), 0u);
}

TEST_F(DurableWaiting, raises_what_is_wanted_and_rings_the_persister_until_time_is_up) {
  EXPECT_EQ(wait_for(3, 1'000'000), DurableState::pending);
  EXPECT_EQ(control().durable_wanted.load(), 3u);
  EXPECT_GE(rings(), 1u);
  EXPECT_EQ(control().durable_waiters.load(), 0u);
  EXPECT_EQ(wait_for(2, 1'000), DurableState::pending);
  EXPECT_EQ(control().durable_wanted.load(), 3u) << "it only grows";
}

TEST_F(DurableWaiting, hurries_only_what_is_published) {
  EXPECT_EQ(wait.wait(1000, 4, 1'000, [] { return false; }), DurableState::pending);
  EXPECT_EQ(control().durable_wanted.load(), 4u);
}

TEST_F(DurableWaiting, goes_on_by_itself_where_the_persister_is_nobody_that_there_is) {
  for (const std::uint32_t nobody : {0u, format::kMaxParticipants, ~0u}) {
    control().persister.store(nobody);
    EXPECT_EQ(wait_for(1, 1'000), DurableState::pending);
  }
  EXPECT_EQ(rings(), 0u);
}

TEST_F(DurableWaiting, a_wish_rings_only_where_no_earlier_one_is_open) {
  using Ring = DurableWait::Ring;
  wait.hurry(5, Ring::if_idle);
  EXPECT_EQ(rings(), 1u);
  wait.hurry(9, Ring::if_idle);
  EXPECT_EQ(rings(), 1u) << "5 is not on disk yet: the persister will find 9";
  EXPECT_EQ(control().durable_wanted.load(), 9u);
  become_durable(9);
  wait.hurry(10, Ring::if_idle);
  EXPECT_EQ(rings(), 2u);
}

TEST_F(DurableWaiting, is_woken_from_its_sleep) {
  std::thread persister([this] {
    until_somebody_sleeps();
    EXPECT_EQ(control().durable_wanted.load(), 3u);
    become_durable(2);  // not enough
    become_durable(3);
  });
  EXPECT_EQ(wait_for(3), DurableState::durable);
  persister.join();
  EXPECT_EQ(control().durable_waiters.load(), 0u);
}

TEST_F(DurableWaiting, is_told_of_a_disk_that_fills_up_or_fails_while_it_sleeps) {
  for (const auto& [state, told] :
       {std::pair{format::StorageState::full, DurableState::disk_full},
        std::pair{format::StorageState::failing, DurableState::disk_failing}}) {
    set_storage(format::StorageState::healthy);
    std::thread persister([this, s = state] {
      until_somebody_sleeps();
      set_storage(s);
    });
    EXPECT_EQ(wait_for(1), told);
    persister.join();
    EXPECT_EQ(wait_for(1), told);
    EXPECT_EQ(wait_for(0), DurableState::durable) << "what is on disk stays so";
  }
}

TEST_F(DurableWaiting, takes_a_state_that_there_is_not_for_a_failing_disk) {
  control().storage.store(77);
  EXPECT_EQ(wait_for(1), DurableState::disk_failing);
}

TEST_F(DurableWaiting, of_a_partition_that_is_gone_does_not_blame_the_disk) {
  become_durable(1);
  gone = true;
  set_storage(format::StorageState::failing);
  EXPECT_EQ(wait_for(2), DurableState::gone);
  EXPECT_EQ(wait_for(1), DurableState::durable);
}

TEST_F(DurableWaiting, ends_when_the_partition_is_gone) {
  std::thread broker([this] {
    until_somebody_sleeps();
    gone = true;
  });
  EXPECT_EQ(wait_for(1), DurableState::gone);
  broker.join();
  EXPECT_EQ(control().durable_waiters.load(), 0u);
}

// The persister sleeps on its doorbell, as the real one; no wake-up may be lost on either side.
TEST_F(DurableWaiting, many_wait_for_a_persister_that_sleeps) {
  constexpr std::uint64_t kRounds = 2000;
  constexpr int kWaiters = 3;
  std::thread persister([this] {
    auto& bell = fixture.view().doorbells()[kPersisterId].rings;
    std::uint64_t durable = 0;
    while (durable < kRounds) {
      const std::uint32_t heard = bell.load(std::memory_order_acquire);
      const std::uint64_t wanted = control().durable_wanted.load(std::memory_order_acquire);
      if (wanted > durable) {
        if (wanted % 7 == 0) until_somebody_sleeps();
        become_durable(durable = wanted);
      } else {
        os::futex_wait(bell, heard);
      }
    }
  });
  std::vector<std::thread> waiters;
  for (int i = 0; i < kWaiters; ++i)
    waiters.emplace_back([this] {
      for (std::uint64_t end = 1; end <= kRounds; ++end) {
        ASSERT_EQ(wait_for(end), DurableState::durable);
        ASSERT_GE(wait.durable_offset(), end);
      }
    });
  for (auto& waiter : waiters) waiter.join();
  persister.join();
  EXPECT_EQ(control().durable_waiters.load(), 0u);
}

}  // namespace
}  // namespace ringmain::client
