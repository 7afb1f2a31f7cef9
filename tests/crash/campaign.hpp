// The campaign: makes the plan's moves and demands after each that everybody gets on.
#pragma once

#include <cstdint>
#include <string>

#include "company.hpp"
#include "plan.hpp"

namespace ringmain::crash {

enum class Canary { none, flip_a_byte, drop_a_record, repeat_a_record };

class Campaign {
 public:
  Campaign(Company& company, std::uint64_t seed) : company_(company), plan_(seed) {}

  // At least `kills` of them, and every move that must be made. Throws Failure.
  void run(std::uint64_t kills);
  // Spoils something; returns if nobody notices.
  void run_canary(Canary canary);
  void print_summary() const;
  // Which moves led here, the last ones.
  std::string trail() const;

 private:
  void set_the_scene();
  void make(const Move& move);
  void finish();

  void kill_one(std::uint32_t actor);
  void kill_several(Random& random);
  void kill_broker(Random& random);
  void kill_over_unburied(Random& random);
  void kill_all(Random& random);
  void broker_away(Random& random);
  void die_at_point(const Move& move);
  void stop_at_point(const Move& move, Random& random);
  void broker_dies_at_point(const Move& move, Random& random);
  void hold_views(std::uint32_t actor, Random& random);
  void stop_some(Random& random);
  void leave_child(Random& random);
  void full_memory(Random& random);

  void await_everybody(const std::string& after);
  void await_other_producers(std::uint32_t except, const std::string& after);
  void await_sent_on_drop(std::uint64_t bytes, const std::string& after);
  void next_broker(Random& random);
  void demand_in_locks(std::uint32_t actor, const std::string& point);

  Company& company_;
  Plan plan_;
  std::vector<std::string> trail_;
  std::uint64_t spare_topics_ = 0;
};

}  // namespace ringmain::crash
