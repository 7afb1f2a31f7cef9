// Waiting until records are on disk, from the producer's side. One thread per object; any number of
// processes on one partition. What the persister does of it: src/storage/log_writer.cpp.
//
// Waiters and the persister meet in the partition's control area:
//   waiter:    raise durable_wanted, ring the persister, look for a moment; then count itself
//              (seq_cst), read the bell, look at durable_offset, sleep on the bell
//   persister: durable_offset, full fence, durable_waiters; if somebody waits, bell and wake
// One of the two sees the other. Whoever sleeps looks again on a bounded timeout all the same: the
// broker may die, and the next one has another persister to be rung.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "log/durable_wish.hpp"
#include "log/partition_view.hpp"
#include "os/cpu.hpp"
#include "os/fault.hpp"
#include "os/futex.hpp"

namespace ringmain::client {

enum class DurableState {
  durable,
  pending,
  memory_topic,  // nothing of it is ever on disk
  disk_full,
  disk_failing,
  gone,  // the partition was deleted, or its memory removed: the caller can tell which
};

class DurableWait {
 public:
  explicit DurableWait(const log::PartitionView& view) noexcept : view_(view) {}

  // Records below it are on disk, in a completed synced write; 0 in a memory topic.
  //   Order: acquire; partner: the release in LogWriter::publish_watermarks().
  std::uint64_t durable_offset() const noexcept {
    return control().durable_offset.load(std::memory_order_acquire);
  }
  bool is_persistent() const noexcept { return storage() != format::StorageState::none; }

  // Of the records below `end_offset`. What is durable stays so, whatever the disk says later.
  DurableState state(std::uint64_t end_offset) const noexcept {
    if (!is_persistent()) return DurableState::memory_topic;
    if (durable_offset() >= end_offset) return DurableState::durable;
    switch (storage()) {
      case format::StorageState::full:
        return DurableState::disk_full;
      case format::StorageState::healthy:
        return DurableState::pending;
      default:
        return DurableState::disk_failing;
    }
  }

  using Ring = log::RingPersister;

  // See log/durable_wish.hpp.
  void hurry(std::uint64_t end_offset, Ring ring) const noexcept { log::wish_durable(view_, end_offset, ring); }

  // Waits until the records below `end_offset` are on disk; hurries what is below `own_end_offset`,
  // which is published. pending: time is up. `gone()` is asked now and then.
  template <class Gone>
  DurableState wait(std::uint64_t end_offset, std::uint64_t own_end_offset, std::int64_t timeout_ns,
                    const Gone& gone) const {
    DurableState now = state(end_offset, gone);
    if (now != DurableState::pending || timeout_ns <= 0) return now;
    const std::int64_t start_ns = now_steady_ns();
    const std::int64_t give_up_ns =
        timeout_ns > INT64_MAX - start_ns ? INT64_MAX : start_ns + timeout_ns;
    const std::uint64_t hurried = std::min(end_offset, own_end_offset);
    hurry(hurried, Ring::always);
    spin(end_offset, std::min(timeout_ns, kSpinNs));
    now = state(end_offset, gone);
    return now == DurableState::pending ? sleep(end_offset, hurried, give_up_ns, gone) : now;
  }

 private:
  static constexpr std::int64_t kSpinNs =
      100'000;  // a synced write takes about that; a wake-up costs 35 us
  static constexpr std::int64_t kLookAgainNs = 50'000'000;

  format::Control& control() const noexcept { return view_.control(); }
  format::StorageState storage() const noexcept {
    return static_cast<format::StorageState>(control().storage.load(std::memory_order_acquire));
  }

  // What cannot become durable because nobody is there to write it is no fault of the disk.
  template <class Gone>
  DurableState state(std::uint64_t end_offset, const Gone& gone) const {
    const DurableState now = state(end_offset);
    const bool is_settled = now == DurableState::durable || now == DurableState::memory_topic;
    return !is_settled && gone() ? DurableState::gone : now;
  }

  void spin(std::uint64_t end_offset, std::int64_t spin_ns) const noexcept {
    const std::uint64_t until =
        cycles() + static_cast<std::uint64_t>(static_cast<double>(spin_ns) / ns_per_cycle());
    while (state(end_offset) == DurableState::pending && cycles() < until) os::pause();
  }

  template <class Gone>
  DurableState sleep(std::uint64_t end_offset, std::uint64_t hurried, std::int64_t give_up_ns,
                     const Gone& gone) const {
    const Counted counted(control().durable_waiters);
    os::fault_point("durable.counted");
    for (;;) {  // until it is known, or time is up
      const std::uint32_t rings = control().durable_bell.load(std::memory_order_acquire);
      const DurableState now = state(end_offset, gone);
      if (now != DurableState::pending) return now;
      const std::int64_t left_ns = give_up_ns - now_steady_ns();
      if (left_ns <= 0) return now;
      if (os::futex_wait(control().durable_bell, rings, std::min(left_ns, kLookAgainNs)) ==
          os::FutexWait::timed_out)
        hurry(hurried, Ring::always);
    }
  }

  // Death while it counts: the number stays too high, which costs the persister a wake-up of
  // nobody.
  class Counted {
   public:
    //   Order: seq_cst; partner: the fence in LogWriter::publish_watermarks().
    explicit Counted(std::atomic<std::uint32_t>& count) noexcept : count_(count) {
      count_.fetch_add(1);
    }
    ~Counted() { count_.fetch_sub(1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

   private:
    std::atomic<std::uint32_t>& count_;
  };

  const log::PartitionView view_;
};

}  // namespace ringmain::client
