// Waiting for records: spin, yield, or sleep on this process's doorbell.
//
// Before it sleeps, a consumer marks itself in each partition, issues one heavy barrier and looks
// once more; see log/waker.hpp for the producer's side. It looks again twice a second whatever
// happens.
#pragma once

#include <sched.h>

#include <cstdint>

#include "base/clock.hpp"
#include "log/reader.hpp"
#include "log/waker.hpp"
#include "os/cpu.hpp"
#include "os/fault.hpp"
#include "os/futex.hpp"
#include "ringmain/reader.hpp"

namespace ringmain::client {

class Sleeper {
 public:
  explicit Sleeper(WaitStrategy strategy) : strategy_(strategy) {}

  // Waits until `ready()`, or something that may have made it so, or `give_up_ns` (steady).
  // `readers` gives every log::Reader* that may bring a record. False when time is up.
  template <class Ready, class Readers>
  bool wait(format::Doorbell& doorbell, const Readers& readers, const Ready& ready, std::int64_t give_up_ns) {
    const std::uint64_t spin_until = cycles() + spin_cycles();
    for (std::uint32_t turn = 1;; ++turn) {  // until ready, or time is up
      if (ready()) return true;
      if (strategy_ == WaitStrategy::yield) ::sched_yield();
      else if (strategy_ == WaitStrategy::sleep) {
        os::pause();
        if (turn % 16 == 0 && cycles() > spin_until) break;
      }
      if (turn % kTurnsPerClock == 0 && now_steady_ns() >= give_up_ns) return false;
    }
    return sleep(doorbell, readers, ready, give_up_ns);
  }

 private:
  static constexpr std::uint32_t kTurnsPerClock = 1024;
  static constexpr std::int64_t kSpinNs = 20'000;          // a wake-up costs about 35 us
  static constexpr std::int64_t kLookAgainNs = 500'000'000;

  static std::uint64_t spin_cycles() {
    static const auto spin = static_cast<std::uint64_t>(static_cast<double>(kSpinNs) / ns_per_cycle());
    return spin;
  }

  template <class Ready, class Readers>
  bool sleep(format::Doorbell& doorbell, const Readers& readers, const Ready& ready, std::int64_t give_up_ns) {
    bool fences = false;
    for (;;) {  // until ready, or time is up
      const std::uint32_t rings = doorbell.rings.load(std::memory_order_acquire);
      for (const log::Reader* reader : readers) {
        log::Waker::mark(reader->view(), reader->line_index());
        fences |= reader->view().geometry().fences;
      }
      os::fault_point("sleep.marked");
      log::SharedMemory::heavy_barrier(fences);
      const std::int64_t left_ns = give_up_ns - now_steady_ns();
      const bool done = ready();
      if (!done && left_ns > 0)
        os::futex_wait(doorbell.rings, rings, left_ns < kLookAgainNs ? left_ns : kLookAgainNs);
      for (const log::Reader* reader : readers) log::Waker::unmark(reader->view(), reader->line_index());
      if (done || ready()) return true;
      if (left_ns <= 0) return false;
    }
  }

  const WaitStrategy strategy_;
};

}  // namespace ringmain::client
