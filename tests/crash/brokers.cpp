#include "brokers.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "../sanitizers.hpp"
#include "child.hpp"

namespace ringmain::crash {
namespace {

constexpr pid_t kReaped = -1;  // in the stage's list of brokers
// A broker that ends looks for leaks in a child of its own. If we kill the broker meanwhile, the
// kernel kills that child, which is then ours to reap: it never was a broker.
#if defined(RINGMAIN_WITH_ASAN)
constexpr bool kLeakChecker = true;
#else
constexpr bool kLeakChecker = false;
#endif

}  // namespace

void Brokers::await() {
  wait_until_(
      [&] { return serving() != 0 && state_of(serving()) != '-' && state_of(serving()) != 'Z'; },
      "a broker");
}

void Brokers::start() {
  start_self({"crash_campaign", "broker", "--bus", stage_.bus, "--idle-exit-ms", "10000", "--shm",
              stage_.shm},
             "", folder_ + "/bus/broker.log");
}

void Brokers::kill() {
  await();
  const pid_t pid = serving();
  pid_t served = pid;
  stage_.broker_pid.compare_exchange_strong(served, 0);
  expected_.insert(pid);
  ::kill(pid, SIGKILL);
  ++tally_.kills["broker"];
  wait_until_([&] { return state_of(pid) == '-'; }, "the broker's end");
}

void Brokers::stop() {
  ++tally_.stops["broker"];
  const pid_t pid = serving();
  ::kill(pid, SIGSTOP);
  wait_until_([&] { return state_of(pid) == 'T' || state_of(pid) == '-' || state_of(pid) == 'Z'; },
              "a stop");
}

void Brokers::go_on() {
  ::kill(serving(), SIGCONT);
}

// A broker writes its number down before it looks at the gate and at its faults, and its number is
// not given to another process before we have reaped it.
void Brokers::learn() {
  for (; known_ != stage_.broker_count.load(); ++known_) {
    std::atomic<std::int32_t>& entry = stage_.brokers[known_ % std::size(stage_.brokers)];
    const pid_t pid = entry.exchange(0);
    if (pid == 0) return;  // it is just writing, and has seen nothing yet
    if (pid != kReaped) alive_.insert(pid);
  }
}

// One that has ended before one of those that came earlier has written its number.
bool Brokers::forget_unlearned(pid_t pid) {
  for (std::uint32_t i = known_; i != stage_.broker_count.load(); ++i) {
    std::int32_t written = pid;
    if (stage_.brokers[i % std::size(stage_.brokers)].compare_exchange_strong(written, kReaped))
      return true;
  }
  return false;
}

void Brokers::kill_known() {
  learn();
  for (const pid_t pid : alive_) {
    if (!expected_.insert(pid).second) continue;
    if (pid == serving()) ++tally_.kills["broker"];
    ::kill(pid, SIGKILL);
  }
}

void Brokers::arm(const std::string& fault) {
  std::snprintf(stage_.broker_fault, sizeof(stage_.broker_fault), "%s", fault.c_str());
  hit_fault_ = false;
  armed_ = true;
  stage_.fault_set.store(1);
  end_all();
}

void Brokers::disarm() {
  stage_.fault_set.store(0);
  end_all();
  armed_ = false;
}

void Brokers::end_all() {
  close_gate();
  open_gate();
}

void Brokers::close_gate() {
  stage_.gate_closed.store(1);
  // One that is just writing its number hides those behind it, which may be past the gate already.
  const std::uint32_t begun = stage_.broker_count.load();
  wait_until_(
      [&] {
        learn();
        return static_cast<std::int32_t>(known_ - begun) >= 0;
      },
      "all brokers to write their numbers");
  kill_known();
  const std::set<pid_t> before = alive_;  // later ones find the gate closed
  wait_until_(
      [&] {
        return std::none_of(before.begin(), before.end(),
                            [&](pid_t pid) { return alive_.contains(pid); });
      },
      "all brokers to end");
}

void Brokers::on_death(pid_t pid, int status, bool in_order) {
  learn();
  const bool was_broker = alive_.erase(pid) != 0 || forget_unlearned(pid);
  pid_t served = pid;
  stage_.broker_pid.compare_exchange_strong(served, 0);
  if (expected_.erase(pid) != 0 || in_order) return;
  if (!was_broker && kLeakChecker && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return;
  if (armed_ && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    hit_fault_ = true;
    stage_.fault_set.store(0);  // one such death is enough; others may have it already
    ++tally_.kills["broker"];
    return;
  }
  if (armed_ && WIFEXITED(status) && WEXITSTATUS(status) == 1) {
    ++tally_.brokers_found_no_room;
    return;
  }
  // 0: idle, 3: we are gone, 4: the gate is closed, 5: another one serves already
  if (WIFEXITED(status) && WEXITSTATUS(status) != 1 && WEXITSTATUS(status) <= 5 &&
      WEXITSTATUS(status) != 2)
    return;
  throw Failure{fmt::format("broker {} ended by itself: {}; its log:\n{}", pid,
                            describe_end(status), tail_of(folder_ + "/bus/broker.log", 10))};
}

}  // namespace ringmain::crash
