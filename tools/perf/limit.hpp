// What two processes on two cores can do at best, with nothing of Ringmain between: they hand a
// cache line of shared memory over, and get another one back. Measured beside every latency,
// between the same processes on the same cores; and at the same pace, if records are sent on a
// schedule: a core that has slept for long takes longer to wake up.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <functional>

#include "metrics/histogram.hpp"
#include "os/futex.hpp"
#include "perf/placement.hpp"
#include "perf/schedule.hpp"
#include "perf/stopwatch.hpp"

namespace ringmain::tools {

// A line for each direction, as any log or queue must have. (One line for both, written by whoever
// has just read it, goes to and fro faster still, but carries nothing one way.)
struct PingPongLines {
  struct Line {
    alignas(128) std::atomic<uint32_t> turn{0};  // 128: CPUs fetch lines in pairs
    std::atomic<uint64_t> due_cycles{0};         // on a schedule: when this turn was due
    char alone[112]{};
  };
  Line there, back;
};
static_assert(sizeof(PingPongLines) == 256);

// How the limit waits: as the benchmark does, in the barest form.
//   spin  in a loop around the load
//   yield with sched_yield, if both run on one core; else as spin: nothing could be faster
//   sleep in a bare futex
class PingPong {
 public:
  PingPong(PingPongLines& lines, Waiting waiting, bool one_core)
      : lines_(lines), waiting_(waiting == Waiting::yield && !one_core ? Waiting::spin : waiting),
        one_core_(one_core) {}

  const char* name() const noexcept {
    switch (waiting_) {
      case Waiting::spin:
        return "one cache line handed over";
      case Waiting::yield:
        return "sched_yield";
      case Waiting::sleep:
        return "bare futex";
    }
    return "?";
  }

  // Plays `count` rounds, after `warm_up` that are not recorded: half a round trip each, in ns.
  // `check` is called now and then, and may throw.
  void ping(uint32_t count, uint32_t warm_up, metrics::Histogram& one_way_ns,
            const std::function<void()>& check) {
    const CycleScale scale;
    const uint32_t last = 2 * (warm_up + count);
    for (uint32_t turn = 0; turn < last; turn += 2) {
      const uint64_t sent = ordered_cycles();
      pass(lines_.there.turn, turn + 2);
      await_other_than(lines_.back.turn, turn, check);
      const uint64_t back = ordered_cycles();
      if (turn >= 2 * warm_up) one_way_ns.record(scale.half_ns(sent, back));
    }
  }

  // The other side: as many rounds in all.
  void pong(uint32_t rounds) {
    for (uint32_t turn = 0; turn < 2 * rounds; turn += 2) {
      await_other_than(lines_.there.turn, turn, [] {});
      pass(lines_.back.turn, turn + 2);
    }
  }

  // On a schedule, one way.
  void send(const Schedule& schedule, uint32_t count, const std::function<void()>& check) {
    for (uint32_t turn = 1; turn <= count; ++turn) {
      const uint64_t due = schedule.due_cycles(turn);
      schedule.wait_until(due, one_core_);
      lines_.there.due_cycles.store(due, std::memory_order_relaxed);
      pass(lines_.there.turn, turn);
      if (turn % schedule.turns_per_check() == 0) check();
    }
  }

  // The other side. A turn that comes while it is busy with the last one is not seen on its own.
  void receive(uint32_t count, uint32_t warm_up, metrics::Histogram& one_way_ns) {
    const CycleScale scale;
    for (uint32_t last = 0; last < count;) {
      await_other_than(lines_.there.turn, last, [] {});
      const uint64_t now = ordered_cycles();
      last = lines_.there.turn.load(std::memory_order_acquire);
      const uint64_t due = lines_.there.due_cycles.load(std::memory_order_relaxed);
      if (last > warm_up && due < now) one_way_ns.record(scale.ns(due, now));
    }
  }

  // Between a measurement and the next, while nobody plays.
  void reset() noexcept {
    lines_.there.turn.store(0, std::memory_order_relaxed);
    lines_.back.turn.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr uint32_t misses_per_check = 1u << 22;
  static constexpr int64_t longest_sleep_ns = 100'000'000;

  //   Order: release; partner: the acquire in await_other_than(), in the other process.
  void pass(std::atomic<uint32_t>& word, uint32_t turn) noexcept {
    word.store(turn, std::memory_order_release);  // SYNC(turn)
    if (waiting_ == Waiting::sleep) os::futex_wake(word, 1);
  }

  template <class Check>
  void await_other_than(const std::atomic<uint32_t>& word, uint32_t last, const Check& check) {
    uint32_t misses = 0;
    while (word.load(std::memory_order_acquire) == last) {  // SYNC(turn)
      if (waiting_ == Waiting::yield) ::sched_yield();
      if (waiting_ == Waiting::sleep &&
          os::futex_wait(word, last, longest_sleep_ns) == os::FutexWait::timed_out) {
        check();
      }
      if (++misses == misses_per_check) {
        misses = 0;
        check();
      }
    }
  }

  PingPongLines& lines_;
  const Waiting waiting_;
  const bool one_core_;
};

}  // namespace ringmain::tools
