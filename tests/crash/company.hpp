// The campaign's processes: starts, kills, stops and reaps them, carries their journals to the
// oracle, and knows when something has taken too long.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cast.hpp"
#include "oracle.hpp"
#include "stage.hpp"

namespace ringmain::crash {

// Ends the campaign: the bus, or the harness, did what must not be.
struct Failure {
  std::string text;
};

enum class Spoil { nothing, drop_a_record, repeat_a_record };  // canaries, in the oracle's ear

struct Tally {
  std::map<std::string, std::uint64_t> kills;  // by role
  std::map<std::string, std::uint64_t> stops;
  std::map<std::string, std::uint64_t> points;  // deaths and stops at named points
  std::uint64_t brokers_found_no_room = 0;
  std::uint64_t published_without_broker = 0;
  std::uint64_t views_held = 0;

  std::uint64_t all_kills() const;
};

class Company {
 public:
  Company(const std::string& folder, std::uint64_t seed);
  ~Company();  // kills and reaps whatever is left
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

  // Actors. `fault` goes into RINGMAIN_FAULT.
  void start(std::uint32_t actor, const std::string& fault = "");
  void start_all(const std::function<bool(Role)>& chosen);
  void kill(std::uint32_t actor);           // counted; returns at once
  void await_death(std::uint32_t actor);
  void stop(std::uint32_t actor);           // SIGSTOP, and waits until it has stopped
  void go_on(std::uint32_t actor);
  bool is_alive(std::uint32_t actor) const { return pids_[actor] != 0; }
  bool is_stopped(std::uint32_t actor) const;
  pid_t pid(std::uint32_t actor) const { return pids_[actor]; }
  // An actor that is expected to die at a fault point of its own.
  void expect_fault(std::uint32_t actor) { expected_.insert(pids_[actor]); }

  // The broker that serves now.
  pid_t broker() const { return stage().broker_pid.load(); }
  void start_broker();
  void kill_broker();          // and waits for its end
  void stop_broker();
  void go_on_broker();
  void kill_brokers();         // the one that serves, and those that clients are just starting
  void kill_child(pid_t pid);  // the forker's
  void arm_broker(const std::string& fault);  // from the next one on
  void disarm_broker();                       // and ends all that may have the fault
  // While it is closed there is no broker. Closing it kills the one that serves.
  void close_gate();
  void open_gate();
  bool broker_hit_fault() const { return broker_hit_; }
  void await_broker();         // until one serves

  // One round: reap, carry journals, look for complaints. Throws Failure.
  void tick();
  void run_for_us(std::int64_t us);
  void wait_until(const std::function<bool()>& condition, const std::string& what);
  // Until each of these who lives and is not stopped has got on.
  void await_progress(const std::function<bool(Role)>& chosen, const std::string& after);
  std::uint64_t bytes_sent(Role role) const;

  // While false, readers that die keep their place with the oracle.
  void forget_dead_readers(bool now);

  Stage& stage() const { return stage_in(stage_); }
  ActorSlot& slot(std::uint32_t actor) const { return stage().actors[actor]; }
  Oracle& oracle() { return oracle_; }
  Tally& tally() { return tally_; }
  void spoil(Spoil what) { spoil_ = what; }
  std::string locks(const std::string& topic) const;
  void print_everything() const;

 private:
  void reap();
  void on_death(pid_t pid, int status);
  void on_actor_death(std::uint32_t actor, pid_t pid, int status);
  void carry(std::uint32_t actor);
  void carry_intentions(std::uint32_t actor, std::uint64_t until);
  void carry_sights(std::uint32_t actor, std::uint64_t until);
  void settle(std::uint32_t actor, Entry& entry, Progress progress);
  void learn_brokers();
  bool forget_unlearned(pid_t pid);  // whether it was in the list
  std::vector<pid_t> children() const;
  void signal_stop(pid_t pid);

  const std::string folder_;
  const std::uint64_t seed_;
  os::Mapping stage_;
  std::array<pid_t, kMaxActors> pids_{};
  std::array<std::uint64_t, kMaxActors> told_{};  // intentions the oracle knows, by ring index
  std::set<pid_t> expected_;                      // who may die now
  std::set<pid_t> brokers_;                       // all that are not reaped yet
  std::uint32_t known_brokers_ = 0;               // of the stage's list
  std::set<std::uint32_t> dead_readers_;
  bool forget_at_death_ = true;
  bool armed_ = false;  // some broker may have a fault
  bool broker_hit_ = false;
  std::uint32_t lives_ = 0;
  Spoil spoil_ = Spoil::nothing;
  Oracle oracle_;
  Tally tally_;
};

}  // namespace ringmain::crash
