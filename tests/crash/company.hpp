// The campaign's processes: starts, kills, stops and reaps them, carries their journals to the
// oracle, and knows when something has taken too long. Of brokers brokers.hpp knows more.
#pragma once

#include <sys/types.h>

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brokers.hpp"
#include "cast.hpp"
#include "oracle.hpp"
#include "stage.hpp"
#include "tally.hpp"

namespace ringmain::crash {

enum class Spoil { nothing, drop_a_record, repeat_a_record };  // canaries, in the oracle's ear

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

  Brokers& brokers() { return brokers_; }
  void kill_child(pid_t pid);  // the forker's

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
  std::vector<pid_t> children() const;

  const std::string folder_;
  const std::uint64_t seed_;
  os::Mapping stage_;
  std::array<pid_t, kMaxActors> pids_{};
  std::array<std::uint64_t, kMaxActors> told_{};  // intentions the oracle knows, by ring index
  std::set<pid_t> expected_;                      // who may die now
  std::set<std::uint32_t> dead_readers_;
  bool forget_at_death_ = true;
  std::uint32_t lives_ = 0;
  Spoil spoil_ = Spoil::nothing;
  Oracle oracle_;
  Tally tally_;
  Brokers brokers_;
};

}  // namespace ringmain::crash
