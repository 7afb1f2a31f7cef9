// What the campaign counts, and how it ends before its time.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ringmain::crash {

// Ends the campaign: the bus, or the harness, did what must not be.
struct Failure {
  std::string text;
};

struct Tally {
  std::map<std::string, std::uint64_t> kills;  // by role
  std::map<std::string, std::uint64_t> stops;
  std::map<std::string, std::uint64_t> points;  // deaths and stops at named points
  std::uint64_t brokers_found_no_room = 0;
  std::uint64_t published_without_broker = 0;
  std::uint64_t views_held = 0;

  std::uint64_t all_kills() const;
};

}  // namespace ringmain::crash
