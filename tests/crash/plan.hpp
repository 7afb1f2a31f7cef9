// What the campaign does to its actors, in which order: drawn from a seed. First in the list is
// whatever must happen at least once: every named fault point, every kind of move.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace ringmain::crash {

enum class Action {
  kill_one,              // an actor, at any moment
  kill_several,          // actors and perhaps the broker, all at once
  kill_broker,           // the next one is started by a client or by the campaign
  kill_over_unburied,    // actors while the broker is stopped, then the broker
  kill_all,              // everything; then what was published must be there
  broker_away,           // no broker for a while: publishing goes on in prepared memory
  die_at_point,          // an actor, at a named fault point
  stop_at_point,         // a producer, at a named fault point; then on, or killed
  broker_dies_at_point,  // the broker, at a named fault point
  hold_views,            // a consumer is stopped with views in its hands
  stop_some,             // any actor or the broker, for a moment
  leave_child,           // a producer dies and leaves a child with all its descriptors
  full_memory,           // the file system of the shared memory is full for a while
};
const char* action_name(Action action);

struct Move {
  Action action = Action::kill_one;
  std::uint32_t actor = 0;  // where the action is about one
  std::string point;        // of the fault
  std::uint64_t nth = 1;    // passage at which it strikes
  std::uint64_t seed = 0;   // for what the move itself draws
};

// Every named point that an actor or the broker passes.
struct Point {
  const char* name;
  std::vector<std::uint32_t> actors;  // who passes it; empty: the broker
  std::uint64_t often;                // passes some times this number in a moment
  bool stop;                          // worth being stopped at, too
};
std::span<const Point> points();

class Plan {
 public:
  explicit Plan(std::uint64_t seed);

  // Has no end: after the moves that must be made come random ones.
  Move next();
  bool covered_everything() const { return next_must_ == musts_.size(); }

 private:
  Move random_move();
  Move at_point(const Point& point, Action action);

  Random random_;
  std::vector<Move> musts_;
  std::size_t next_must_ = 0;
};

}  // namespace ringmain::crash
