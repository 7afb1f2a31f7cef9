// Results of benchmarks: percentiles, rates, the machine they were taken on; as JSON and as text.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/json.hpp"
#include "metrics/histogram.hpp"

namespace ringmain::tools {

struct Percentiles {
  static constexpr size_t count = 7;
  static constexpr std::array<const char*, count> names{"min",  "p50",   "p90", "p99",
                                                        "p999", "p9999", "max"};
  static constexpr std::array<const char*, count> titles{"MIN",   "P50",    "P90", "P99",
                                                         "P99.9", "P99.99", "MAX"};
  static constexpr std::array<double, count> percents{0, 50, 90, 99, 99.9, 99.99, 100};

  std::array<double, count> values{};
};

Percentiles percentiles_of(const metrics::Histogram& histogram);
// Of each percentile, the median over the runs. Requires at least one run.
Percentiles median_of(const std::vector<Percentiles>& runs);
double median_of(std::vector<double> values);
// Of a figure (a member, or what a function makes of a run) over the runs. Likewise.
template <class Run, class Get>
double median_over(const std::vector<Run>& runs, const Get& get) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(std::invoke(get, run));
  return median_of(std::move(values));
}
// Each percentile divided by the other's.
Percentiles ratio_of(const Percentiles& measured, const Percentiles& limit);

// What was measured, or what limits it.
struct Figures {
  std::optional<Percentiles> latency_ns;
  std::optional<double> records_per_s;
  std::optional<double> bytes_per_s;
};
Figures ratio_of(const Figures& measured, const Figures& limit);

struct PerfReport {
  std::string name;
  uint64_t size_bytes = 0;
  uint64_t count = 0;
  std::vector<int> cores;
  Figures measured;
  std::string limit_name;
  Figures limit;
  std::string rates_limit_name;  // of the limit's rates, where they come from something else
  // What was tried beside the limit, by name.
  std::vector<std::pair<std::string, Figures>> other_limits;
  std::string latency_title = "ONE WAY, NS";
  json::object details;  // how it was measured: mode, wait, runs, ...
};

// The object that cli.md promises; figures that were not measured are null.
json::object to_json(const PerfReport& report);
std::string to_text(const PerfReport& report);
// What was measured, how, and on what: to_text() without its tables.
std::string heading(const PerfReport& report);

void write_file(const std::string& path, std::string_view content);

// What goes on, on stderr, if that is a terminal.
class Progress {
 public:
  Progress() noexcept;
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const std::string& text) noexcept;
  void clear() noexcept;

 private:
  bool is_terminal_;
  bool is_dirty_ = false;
};

}  // namespace ringmain::tools
