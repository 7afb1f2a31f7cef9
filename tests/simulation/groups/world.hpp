// World: one coordinator, its log, and a network that loses, delays and repeats. One thread,
// virtual time, replayable by a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "coordination/coordinator.hpp"
#include "simulation/groups/audit.hpp"

namespace ringmain::coordination::test {

// Planted, one at a time, to see that the audit notices.
enum class Bug {
  none,
  log_forgets,          // the log says that a record is there, and drops it
  generations_ignored,  // an old member's commit passes for one of the current generation
  two_owners,           // a leader gives a partition to two members
  alarms_lost,          // nobody runs the coordinator's timers
};

struct Faults {
  uint64_t lost_percent = 0;
  uint64_t repeated_percent = 0;
  int64_t delay_max_ms = 20;
  uint64_t append_fails_percent = 0;
};

struct Tally {
  uint64_t schedules = 0, requests = 0, lost = 0, repeated = 0, crashes = 0, failed_appends = 0;
  uint64_t joins = 0, deaths = 0, fenced = 0, generations = 0, commits = 0, largest_group = 0;
};

class World {
 public:
  using OnReply = std::function<void(const Reply&)>;

  World(uint64_t seed, Bug planted) : random(seed), bug(planted) { start(); }

  void at(int64_t delay_ms, std::function<void()> event);
  // False: nothing is left to happen.
  bool step();
  void run_until(int64_t time_ms);
  Now now() const { return {now_ms, 1'700'000'000'000 + now_ms}; }

  // Carries `request` to the coordinator and what it returns back, as the network pleases.
  template <class R>
  void call(std::function<R(Coordinator&)> request, std::function<void(const R&)> reply);
  // Likewise, for requests that are answered by ticket. `answered` sees the answer where it is
  // made.
  void ask(std::function<void(Coordinator&, const Caller&, Output&)> request, Caller caller,
           OnReply answered, OnReply reply);

  // Does what a call into the coordinator asked for.
  void carry_out(Output& out);

  void connection_gone(ConnectionId connection);
  void crash();
  bool loading() const { return loading_; }
  Coordinator& coordinator() { return *coordinator_; }
  size_t unanswered() const { return waiting_.size(); }

  Random random;
  Bug bug;
  int64_t now_ms = 0;
  Faults faults;
  Audit audit;
  Tally tally;
  int32_t partitions = 20;                           // of the topic that all groups read
  std::map<std::string, int32_t> newest_generation;  // by group, that a member was told of

 private:
  struct Event {
    int64_t at_ms;
    uint64_t number;
    std::function<void()> run;
    bool operator>(const Event& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : number > other.number;
    }
  };
  struct Waiting {
    OnReply answered, reply;
  };

  void start();
  void load();
  bool lost() { return random.below(100) < faults.lost_percent; }
  int64_t delay() {
    return 1 + static_cast<int64_t>(random.below(static_cast<uint64_t>(faults.delay_max_ms)));
  }
  // Delivers once, never, or twice.
  void deliver(std::function<void()> message);
  void append_ends(uint64_t life);
  void write(const Append& append);
  void schedule_tick();

  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  uint64_t last_event_ = 0;
  std::unique_ptr<Coordinator> coordinator_;
  uint64_t life_ = 0;  // counts coordinators: what belongs to an earlier one is gone
  bool loading_ = false;
  uint64_t last_ticket_ = 0;
  std::map<uint64_t, Waiting> waiting_;
  std::deque<Append> appends_;
  int64_t last_append_ms_ = 0;
  int64_t tick_ms_ = kNever;
  std::vector<Record> log_;
};

template <class R>
void World::call(std::function<R(Coordinator&)> request, std::function<void(const R&)> reply) {
  ++tally.requests;
  deliver([this, request, reply] {
    const R result = request(*coordinator_);
    schedule_tick();
    deliver([result, reply] { reply(result); });
  });
}

}  // namespace ringmain::coordination::test
