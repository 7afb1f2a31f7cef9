// Plays all rounds: in each, every rival has its turn, one after the other, in processes of its
// own.
#pragma once

#include <string>
#include <vector>

#include "cli/stop_signal.hpp"
#include "compare/results.hpp"

namespace ringmain::bench {

struct TournamentPlan {
  std::vector<size_t> sizes;
  std::vector<size_t> durable_sizes;
  uint32_t runs = 5;
  double measure_s = 1;
  double rate_per_s = 100'000;
  size_t rate_size = 64;
  std::vector<int> cores;         // two: of sender and receiver
  std::vector<std::string> only;  // keys; empty: all
  std::string folder;             // for data, on the disk that is measured
  std::string ringmain;           // the program
  bool is_quick = false;
};

// The keys that --only knows, without repetitions.
std::vector<std::string> known_keys();

struct TournamentResult {
  Comparison comparison;
  std::vector<std::string>
      failures;  // "ZeroMQ (spinning): why"; who failed has no figures of its own
};

// Throws Failure on a stop signal. Progress goes to stderr.
TournamentResult play(const TournamentPlan& plan, tools::StopSignal& stop);

}  // namespace ringmain::bench
