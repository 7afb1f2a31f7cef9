// A scheduler that takes the machine's place under the log's templates: virtual threads on one
// OS thread, a store buffer each, and a seed that decides everything.
//
// Every operation on a SimMemory atomic is a scheduling point. A store goes to its thread's
// buffer and becomes visible later: a relaxed one may be overtaken by any later store to another
// address, a release only after all that was stored before it. A read-modify-write drains its
// own buffer, the heavy barrier everybody's, a light barrier without a fence none.
// One seed replays a run exactly.
#pragma once

#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace ringmain::sim {

enum class Strategy {
  random,  // any runnable thread next
  pct,     // the one of highest priority; a few random steps demote whoever runs
};

struct Plan {  // what befalls a thread
  enum class What {
    kill,           // at its own step number `at`
    kill_at_claim,  // right after it has added its claim number `at` to a tail
    freeze,         // at its own step number `at`
  } what = What::kill;
  int thread = 0;
  std::uint64_t at = 0;
};

struct Options {
  std::uint64_t seed = 1;
  Strategy strategy = Strategy::random;
  int pct_depth = 3;
  std::uint64_t pct_length = 4000;       // steps among which the demotions are spread
  std::uint32_t switch_one_in = 2;       // random: chance to leave the running thread
  std::uint32_t drain_one_in = 4;        // chance that a buffered store becomes visible, a step
  std::uint64_t max_idle_steps = 10000;  // without progress(): a frozen thread thaws, or a failure
  std::vector<Plan> plans;
  // Canaries: what the machine or the code would do wrong.
  bool commit_stores_are_relaxed = false;
  bool heavy_barrier_does_nothing = false;
};

// What the tests want to know of memory as it changes.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_issue(int thread, const void* address, std::uint64_t value) = 0;
  virtual void on_visible(int thread, const void* address, std::uint64_t value) = 0;
  virtual void on_rmw(int thread, const void* address, std::uint64_t before,
                      std::uint64_t after) = 0;
  virtual bool is_frame_memory(const void* address) const = 0;
  virtual bool is_quiet(const void* address) const = 0;  // never written: no scheduling point
  virtual std::string name_of(const void* address) const = 0;
};

struct Statistics {
  std::uint64_t schedules = 0, steps = 0, kills = 0, freezes = 0;
};

class Scheduler {
 public:
  enum class State { ready, waiting, finished, killed, frozen };

  Scheduler(Options options, Observer& observer);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;

  static Scheduler* current() noexcept;  // null outside of a virtual thread

  int spawn(std::string name, std::function<void()> body);
  // Runs until every thread has finished, was killed, or something is wrong.
  void run();

  // For virtual threads.
  void fail(const std::string& what);  // does not return
  void progress() noexcept { idle_steps_ = 0; }
  void wait_until(std::function<bool()> condition);
  // Until memory has changed since this thread last looked: for "try again later".
  void wait_for_change();
  void note_look() noexcept;  // the look that wait_for_change() counts from
  void yield();               // lets others go first
  void wait_for_idle();       // until nobody else can go on: a pause as long as it takes
  // Called whenever nobody can go on and nobody is frozen: returns what is wrong, or nothing.
  void on_idle(std::function<std::string()> check) { idle_check_ = std::move(check); }
  void kill(int thread);
  void made_claim(int thread);  // the observer saw it add to a tail

  bool is_killed(int thread) const noexcept {
    return threads_[index(thread)]->state == State::killed;
  }
  bool is_live(int thread) const noexcept;
  bool is_frozen_now(int thread) const noexcept {
    return threads_[index(thread)]->state == State::frozen;
  }
  bool has_buffered(int thread) const noexcept { return !threads_[index(thread)]->buffer.empty(); }
  int self() const noexcept { return running_; }
  std::uint64_t steps_of(int thread) const noexcept { return threads_[index(thread)]->steps; }
  Random& random() noexcept { return random_; }

  const std::string& failure() const noexcept { return failure_; }
  std::string trace() const;
  std::uint64_t steps() const noexcept { return steps_; }
  std::uint64_t kills() const noexcept { return kills_; }
  std::uint64_t freezes() const noexcept { return freezes_; }

  // The machine.
  std::uint64_t load(const void* address, int size);
  void store(void* address, int size, std::uint64_t value, std::memory_order order);
  template <class F>
  std::uint64_t modify(void* address, int size, const char* what, F&& change) {
    point(what, address, 0);
    drain_all(running_);
    const std::uint64_t before = peek(address, size);
    const std::uint64_t after = change(before);
    poke(address, size, after);
    observer_.on_rmw(running_, address, before, after);
    note_value(before, after);
    if (before != after) note_change(running_);
    return before;
  }
  void heavy_barrier();
  void fence();
  // futex(2): compares in memory and sleeps; false if the value differs at once. `timed_out`
  // tells that nobody rang and nothing else could run any more.
  bool futex_wait(const void* address, std::uint32_t expected, bool& timed_out);
  void futex_wake(const void* address);

 private:
  struct Buffered {
    void* address;
    std::uint64_t value;
    int size;
    bool release;
  };
  struct Thread {
    std::string name;
    std::function<void()> body;
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    State state = State::ready;
    std::function<bool()> condition;
    std::vector<Buffered> buffer;
    std::uint64_t steps = 0, claims = 0;
    std::uint64_t looked_at = 0, own_changes = 0;
    std::int64_t priority = 0;
    const void* futex = nullptr;
    bool woken = false, timed_out = false;
    bool waits_for_idle = false;
  };
  struct Step {
    int thread = -1;
    const char* what = nullptr;
    const void* address = nullptr;
    std::uint64_t value = 0, result = 0;
  };

  static std::size_t index(int thread) noexcept { return static_cast<std::size_t>(thread); }
  static void enter(unsigned high, unsigned low);
  static std::uint64_t peek(const void* address, int size) noexcept;
  static void poke(void* address, int size, std::uint64_t value) noexcept;

  void point(const char* what, const void* address, std::uint64_t value);
  void reschedule();
  int choose();
  void switch_to(int thread);
  void leave();
  bool thaw_one();
  bool end_idle_wait();
  void check_idle();
  bool time_out_one();
  void note_value(std::uint64_t value, std::uint64_t result) noexcept;
  void note_change(int thread) noexcept {
    ++version_;
    ++threads_[index(thread)]->own_changes;
  }
  std::uint64_t changes_by_others(int thread) const noexcept {
    return version_ - threads_[index(thread)]->own_changes;
  }
  void maybe_drain();
  bool drain_one(int thread, bool in_order);
  void drain_all(int thread);
  void apply_plans();

  Options options_;
  Observer& observer_;
  Random random_;
  std::function<std::string()> idle_check_;
  std::vector<std::unique_ptr<Thread>> threads_;
  ucontext_t main_;
  int running_ = -1;
  std::string failure_;
  std::uint64_t steps_ = 0, idle_steps_ = 0, kills_ = 0, freezes_ = 0, version_ = 1;
  std::vector<std::uint64_t> demotions_;
  std::int64_t lowest_ = 0;
  std::vector<Step> trace_;  // a ring
  std::size_t trace_at_ = 0;
};

}  // namespace ringmain::sim
