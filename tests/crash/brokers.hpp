// The campaign's brokers: the one that serves, those that clients are just starting, and those that
// are dead and not reaped yet. Knows each by the number that it writes on the stage, and which
// deaths are in order.
#pragma once

#include <sys/types.h>

#include <functional>
#include <set>
#include <string>

#include "stage.hpp"
#include "tally.hpp"

namespace ringmain::crash {

class Brokers {
 public:
  // Waits while the campaign goes on; `what` is for the watchdog.
  using Wait = std::function<void(const std::function<bool()>& condition, const std::string& what)>;

  Brokers(Stage& stage, const std::string& folder, Tally& tally, Wait wait_until)
      : stage_(stage), folder_(folder), tally_(tally), wait_until_(std::move(wait_until)) {}

  pid_t serving() const { return stage_.broker_pid.load(); }
  void await();  // until one serves
  void start();
  void kill();  // the one that serves, and waits for its end
  void stop();  // SIGSTOP, and waits until it has stopped
  void go_on();
  // While it is closed there is no broker. Closing it kills all that there are.
  void close_gate();
  void open_gate() { stage_.gate_closed.store(0); }

  // Ends all that there are: one that has looked for its faults before may not be serving yet, and
  // would serve without this one. From the next one on all have it.
  void arm(const std::string& fault);
  void disarm();  // and ends all that may have the fault
  bool hit_fault() const { return hit_fault_; }

  // Of a child that is no actor. `in_order`: it was to die. Throws Failure.
  void on_death(pid_t pid, int status, bool in_order);

 private:
  void learn();
  bool forget_unlearned(pid_t pid);  // whether it was in the stage's list
  void kill_known();
  void end_all();

  Stage& stage_;
  const std::string folder_;
  Tally& tally_;
  const Wait wait_until_;
  std::set<pid_t> alive_;     // that are not reaped yet
  std::set<pid_t> expected_;  // of them, who may die now
  std::uint32_t known_ = 0;   // of the stage's list
  bool armed_ = false;        // some broker may have a fault
  bool hit_fault_ = false;
};

}  // namespace ringmain::crash
