// The results as JSON: an object whose "results" look as those of `ringmain perf --json`.
#include <cmath>

#include "compare/results.hpp"

namespace ringmain::bench {
namespace {

namespace json = boost::json;

json::value rounded(double value) {
  return tools::number(std::round(value * 1000) / 1000);
}

const char* name_of(Role role) noexcept {
  return role == Role::ours ? "ours" : role == Role::limit ? "limit" : "rival";
}

json::object to_json(const Comparison& comparison, const Outcome& outcome) {
  const Contestant& contestant = comparison.of(outcome);
  tools::PerfReport report;
  report.name = bench::name_of(outcome.measure);
  report.size_bytes = outcome.size_bytes;
  report.count = outcome.count;
  report.cores = comparison.cores;
  report.measured = outcome.figures;
  if (const Outcome* limit = limit_of(comparison, outcome.measure, outcome.size_bytes);
      limit != nullptr) {
    report.limit_name = comparison.of(*limit).label.name;
    report.limit = limit->figures;
  }
  report.details = {{"rival", contestant.label.key},
                    {"variant", contestant.label.variant},
                    {"runs", comparison.runs},
                    {"least", rounded(outcome.least)},
                    {"most", rounded(outcome.most)}};
  json::object object = tools::to_json(report);
  // Those of the comparison, not of the program that prints it.
  object["commit"] = comparison.machine.commit;
  object["cpu"] = comparison.machine.cpu;
  object["kernel"] = comparison.machine.kernel;
  return object;
}

json::object to_json(const Contestant& contestant) {
  json::object object{
      {"rival", contestant.label.key},       {"name", contestant.label.name},
      {"variant", contestant.label.variant}, {"role", name_of(contestant.label.role)},
      {"version", contestant.version},       {"settings", contestant.label.settings}};
  if (contestant.is_log) object["acknowledgement"] = contestant.acknowledgement;
  if (!contestant.absence.empty()) object["absence"] = contestant.absence;
  return object;
}

}  // namespace

std::string to_json_text(const Comparison& comparison) {
  const Machine& machine = comparison.machine;
  json::array contestants, results, behind;
  for (const Contestant& contestant : comparison.contestants)
    contestants.push_back(to_json(contestant));
  for (const Outcome& outcome : comparison.outcomes)
    results.push_back(to_json(comparison, outcome));
  for (const Defeat& defeat : defeats_of(comparison)) {
    behind.push_back(json::object{{"name", bench::name_of(defeat.rival->measure)},
                                  {"size", defeat.rival->size_bytes},
                                  {"rival", comparison.of(*defeat.rival).label.key},
                                  {"figure", defeat.figure},
                                  {"factor", rounded(defeat.factor)}});
  }
  const json::object object{{"machine",
                             {{"commit", machine.commit},
                              {"cpu", machine.cpu},
                              {"core_count", machine.core_count},
                              {"kernel", machine.kernel},
                              {"system", machine.system},
                              {"compiler", machine.compiler},
                              {"disk", machine.disk}}},
                            {"quick", comparison.is_quick},
                            {"runs", comparison.runs},
                            {"contestants", std::move(contestants)},
                            {"results", std::move(results)},
                            {"behind", std::move(behind)}};
  return json::serialize(object) + "\n";
}

}  // namespace ringmain::bench
