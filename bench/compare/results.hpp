// What a comparison gave: plain data, which the reports read. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compare/rival.hpp"
#include "perf/report.hpp"

namespace ringmain::bench {

enum class Measure { latency, scheduled, throughput, durable_latency, durable_throughput };
inline constexpr Measure all_measures[] = {Measure::latency, Measure::scheduled,
                                           Measure::throughput, Measure::durable_latency,
                                           Measure::durable_throughput};
const char* name_of(Measure measure) noexcept;
inline bool is_rate(Measure measure) noexcept {
  return measure == Measure::throughput || measure == Measure::durable_throughput;
}

// One contestant, one measure, one size: medians over the runs.
struct Outcome {
  size_t contestant = 0;  // index into Comparison::contestants
  Measure measure = Measure::latency;
  uint64_t size_bytes = 0;
  uint64_t count = 0;  // of a run
  tools::Figures figures;
  double least = 0, most = 0;  // over the runs, of headline()

  // What decides who is faster: p50 in ns, or records/s.
  double headline() const;
  // Half of the way from the slowest to the fastest run, as a share of the median.
  double spread() const;
};

struct Contestant {
  Label label;
  bool is_log = false;
  std::string version;
  std::string acknowledgement;  // of a log
  std::string absence;          // why it is not in the tables; empty: it is
};

struct Machine {
  std::string commit, cpu, kernel, system, compiler;
  int core_count = 0;
  std::string disk;  // file system of the measured folder
};

struct Comparison {
  Machine machine;
  std::vector<int> cores;
  uint32_t runs = 0;
  double measure_s = 0;
  double rate_per_s = 0;
  uint64_t rate_size = 0;
  bool is_quick = false;
  std::vector<Contestant> contestants;
  std::vector<Outcome> outcomes;

  const Contestant& of(const Outcome& outcome) const { return contestants[outcome.contestant]; }
};

// Sizes that have an outcome of this measure, ascending.
std::vector<uint64_t> sizes_of(const Comparison& comparison, Measure measure);
// Names that have one, in the order of the contestants.
std::vector<std::string> names_of(const Comparison& comparison, Measure measure);
// Of the variants of a name, the faster; null: none was measured.
const Outcome* best_of(const Comparison& comparison, Measure measure, const std::string& name,
                       uint64_t size_bytes);
// Of the limit.
const Outcome* limit_of(const Comparison& comparison, Measure measure, uint64_t size_bytes);

// Where a rival comes out ahead of every variant of ours: the best of ours against the rival.
struct Defeat {
  const Outcome* ours;
  const Outcome* rival;
  std::string figure;  // "p50", "p99", "records/s"
  double factor;       // above 1: how far behind we are
};
std::vector<Defeat> defeats_of(const Comparison& comparison);

// The three reports. Pure.
std::string to_markdown(const Comparison& comparison);
std::string to_json_text(const Comparison& comparison);
// One measure that is a latency, at one size: percentiles on a log scale.
std::string plot_percentiles(const Comparison& comparison, Measure measure, uint64_t size_bytes);
// One measure that is a rate: bytes a second by size, both on log scales.
std::string plot_rates(const Comparison& comparison, Measure measure);

}  // namespace ringmain::bench
