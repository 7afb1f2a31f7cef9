// Finding things in the results.
#include "compare/results.hpp"

#include <algorithm>
#include <set>

namespace ringmain::bench {
namespace {

constexpr size_t p50 = 1, p99 = 3;
static_assert(std::string_view(tools::Percentiles::names[p50]) == "p50");
static_assert(std::string_view(tools::Percentiles::names[p99]) == "p99");

double latency_of(const Outcome& outcome, size_t percentile) {
  return outcome.figures.latency_ns->values[percentile];
}

bool is_faster(const Outcome& a, const Outcome& b) {
  return is_rate(a.measure) ? a.headline() > b.headline() : a.headline() < b.headline();
}

const Outcome* fastest_of_ours(const Comparison& comparison, Measure measure, uint64_t size_bytes) {
  const Outcome* best = nullptr;
  for (const Outcome& outcome : comparison.outcomes) {
    if (outcome.measure != measure || outcome.size_bytes != size_bytes) continue;
    if (comparison.of(outcome).label.role != Role::ours) continue;
    if (best == nullptr || is_faster(outcome, *best)) best = &outcome;
  }
  return best;
}

// Without a sync an acknowledgement is another thing: no comparison.
bool promises_as_much(const Contestant& rival, const Contestant& ours) {
  return rival.acknowledgement == ours.acknowledgement;
}

}  // namespace

const char* name_of(Measure measure) noexcept {
  switch (measure) {
    case Measure::latency:
      return "latency";
    case Measure::scheduled:
      return "latency on a schedule";
    case Measure::throughput:
      return "throughput";
    case Measure::durable_latency:
      return "durable latency";
    case Measure::durable_throughput:
      return "durable throughput";
  }
  return "?";
}

double Outcome::headline() const {
  return is_rate(measure) ? figures.records_per_s.value_or(0) : latency_of(*this, p50);
}

double Outcome::spread() const {
  const double median = headline();
  return median == 0 ? 0 : (most - least) / 2 / median;
}

std::vector<uint64_t> sizes_of(const Comparison& comparison, Measure measure) {
  std::set<uint64_t> sizes;
  for (const Outcome& outcome : comparison.outcomes)
    if (outcome.measure == measure) sizes.insert(outcome.size_bytes);
  return {sizes.begin(), sizes.end()};
}

std::vector<std::string> names_of(const Comparison& comparison, Measure measure) {
  std::vector<std::string> names;
  for (size_t i = 0; i < comparison.contestants.size(); ++i) {
    const bool has_one = std::any_of(comparison.outcomes.begin(), comparison.outcomes.end(),
                                     [&](const Outcome& outcome) {
                                       return outcome.contestant == i && outcome.measure == measure;
                                     });
    const std::string& name = comparison.contestants[i].label.name;
    if (has_one && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  return names;
}

const Outcome* best_of(const Comparison& comparison, Measure measure, const std::string& name,
                       uint64_t size_bytes) {
  const Outcome* best = nullptr;
  for (const Outcome& outcome : comparison.outcomes) {
    if (outcome.measure != measure || outcome.size_bytes != size_bytes) continue;
    if (comparison.of(outcome).label.name != name) continue;
    if (best == nullptr || is_faster(outcome, *best)) best = &outcome;
  }
  return best;
}

const Outcome* limit_of(const Comparison& comparison, Measure measure, uint64_t size_bytes) {
  for (const Outcome& outcome : comparison.outcomes) {
    if (outcome.measure == measure && outcome.size_bytes == size_bytes &&
        comparison.of(outcome).label.role == Role::limit)
      return &outcome;
  }
  return nullptr;
}

std::vector<Defeat> defeats_of(const Comparison& comparison) {
  std::vector<Defeat> defeats;
  for (const Measure measure : all_measures) {
    for (const uint64_t size_bytes : sizes_of(comparison, measure)) {
      const Outcome* ours = fastest_of_ours(comparison, measure, size_bytes);
      if (ours == nullptr) continue;
      for (const std::string& name : names_of(comparison, measure)) {
        const Outcome* rival = best_of(comparison, measure, name, size_bytes);
        if (rival == nullptr || comparison.of(*rival).label.role != Role::rival ||
            !promises_as_much(comparison.of(*rival), comparison.of(*ours)))
          continue;
        const auto add_if_behind = [&](const char* figure, double factor) {
          if (factor > 1) defeats.push_back({ours, rival, figure, factor});
        };
        if (is_rate(measure)) {
          add_if_behind("records/s", rival->headline() / ours->headline());
        } else {
          add_if_behind("p50", latency_of(*ours, p50) / latency_of(*rival, p50));
          add_if_behind("p99", latency_of(*ours, p99) / latency_of(*rival, p99));
        }
      }
    }
  }
  return defeats;
}

}  // namespace ringmain::bench
