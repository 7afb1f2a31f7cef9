#include "broker/publish_watch.hpp"

#include "log/memory.hpp"
#include "os/futex.hpp"

namespace ringmain::broker {
namespace {

// Nothing depends on it: a ring ends the sleep, also one that comes before it.
constexpr std::int64_t kLongestSleepNs = 60'000'000'000;

}  // namespace

PublishWatch::PublishWatch(format::Doorbell& bell, std::function<void()> rung)
    : bell_(bell),
      rung_(std::move(rung)),
      heard_(bell.rings.load(std::memory_order_acquire)),
      thread_([this] { run(); }) {}

PublishWatch::~PublishWatch() {
  stopping_.store(true, std::memory_order_release);
  bell_.rings.fetch_add(1, std::memory_order_release);
  log::SharedMemory::wake_all(bell_.rings);
  thread_.join();
}

void PublishWatch::run() {
  for (;;) {  // until told to stop
    const std::uint32_t rings = bell_.rings.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_acquire)) return;
    if (rings == heard_) {
      static_cast<void>(os::futex_wait(bell_.rings, rings, kLongestSleepNs));
      continue;
    }
    heard_ = rings;
    rung_();
  }
}

}  // namespace ringmain::broker
